/** What a dead thread shared with others: its parked operations, the locks that it held, and its handles. By the host. */
import { CHANNEL_CLOSED, POISONED } from "./outcome.ts";
import { load, store } from "../arena/atomics.ts";
import { dropCell } from "./cell.ts";
import { BARRIER, CHANNEL, MUTEX } from "./handles.ts";
import type { Isolate } from "./isolate.ts";
import {
  CLOSED_BY_DEATH,
  L_HOLDER,
  MUTEX_DEAD,
  MUTEX_WAITED,
  O_ENDED,
  O_FIRST_QUEUE,
  O_KIND,
  O_SECOND_QUEUE,
  W_CELL,
  W_ISOLATE,
  W_NEXT,
  W_OUTCOME,
} from "../arena/layout/object.ts";
import type { SharedLock } from "./shared_lock.ts";
import { dequeue, dequeueAll, unlink } from "./wait_queue.ts";

/**
 * Its parked operations leave their queues. Locks that it held are poisoned, and barriers where it waited: who waits there
 * hears of it, and so does who comes later. Channels of a stream whose other end it had are closed.
 */
export function buryWaiters(host: Isolate, dead: number): void {
  const { words } = host;
  // Freed at the end: a case of a select may still be found by others, who then look at another record of that select.
  const left: number[] = [];
  const woken: number[] = [];
  host.handles.bury(dead, (object) => {
    const kind = words[object + O_KIND];
    const waited = leave(object, O_FIRST_QUEUE);
    if (kind === CHANNEL) {
      leave(object, O_SECOND_QUEUE);
      if (words[object + O_ENDED] === CLOSED_BY_DEATH && host.handles.has(dead, object)) close(object);
    } else if (isHeld(object, kind) || (kind === BARRIER && waited)) poison(object, kind);
    else if (waited && kind !== MUTEX) serve(object);
  });
  for (const record of left) {
    dropCell(host, host.values, record + W_CELL);
    host.heap.free(record * 4, 0);
  }
  for (const record of woken) host.ready(record);

  function leave(object: number, queue: number): boolean {
    const before = left.length;
    for (let record = words[object + queue]; record !== 0;) {
      const next = words[record + W_NEXT];
      if (words[record + W_ISOLATE] === dead) {
        unlink(words, object, record);
        left.push(record);
      }
      record = next;
    }
    return left.length > before;
  }

  /** It may have been in the way of those behind it. */
  function serve(object: number): void {
    const lock = host.handles.inside(object) as SharedLock;
    for (let record = lock.next(); record !== 0; record = lock.next()) woken.push(record);
  }

  function isHeld(object: number, kind: number): boolean {
    const holder = load(words, object + L_HOLDER);
    if (kind === MUTEX) return holder !== MUTEX_DEAD && (holder & ~MUTEX_WAITED) === dead + 1;
    return holder === dead + 1 || words[object + host.handles.bodyAt + dead] > 0;
  }

  function close(object: number): void {
    words[object + O_ENDED] = 1;
    for (const queue of [O_FIRST_QUEUE, O_SECOND_QUEUE]) {
      for (let record; (record = dequeue(words, object, queue)) !== 0;) {
        words[record + W_OUTCOME] = CHANNEL_CLOSED;
        woken.push(record);
      }
    }
  }

  function poison(object: number, kind: number): void {
    words[object + O_ENDED] = 1;
    if (kind === MUTEX) store(words, object + L_HOLDER, MUTEX_DEAD);
    dequeueAll(words, object, POISONED, woken);
  }
}
