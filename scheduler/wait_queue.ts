/**
 * First-in, first-out lists of parked operations: in the arena, under the lock of the object that they wait for; and of
 * this isolate alone.
 */
import { cas } from "./atomics.ts";
import { W_FIRED, W_NEXT, W_PREVIOUS, W_QUEUE, W_SELECTION } from "./memory_layout.ts";
import type { Waiter } from "./waiter.ts";

/** `queue` is the place of the head in the object: O_FIRST_QUEUE or O_SECOND_QUEUE. Under the object's lock. */
export function enqueue(words: Int32Array, object: number, queue: number, record: number): void {
  const head = object + queue;
  const last = words[head + 1];
  words[record + W_NEXT] = 0;
  words[record + W_PREVIOUS] = last;
  words[record + W_QUEUE] = queue;
  if (last === 0) words[head] = record;
  else words[last + W_NEXT] = record;
  words[head + 1] = record;
}

/** Under the object's lock. False: somebody took it out before, and has ended the operation or will. */
export function unlink(words: Int32Array, object: number, record: number): boolean {
  const queue = words[record + W_QUEUE];
  if (queue === 0) return false;
  const head = object + queue;
  const next = words[record + W_NEXT];
  const previous = words[record + W_PREVIOUS];
  if (next === 0) words[head + 1] = previous;
  else words[next + W_PREVIOUS] = previous;
  if (previous === 0) words[head] = next;
  else words[previous + W_NEXT] = next;
  words[record + W_QUEUE] = 0;
  return true;
}

/**
 * The operation that has waited longest, which the caller is to end; 0 if there is none. A case of a select that another
 * case has won is passed over: its isolate has the record, and finds it in no queue. Under the object's lock.
 */
export function dequeue(words: Int32Array, object: number, queue: number): number {
  for (;;) {
    const record = words[object + queue];
    if (record === 0) return 0;
    unlink(words, object, record);
    const main = words[record + W_SELECTION];
    if (main === 0 || cas(words, main + W_FIRED, 0, 1)) return record;
  }
}

/** Of one isolate. */
export class LocalQueue {
  #first: Waiter | undefined = undefined;
  #last: Waiter | undefined = undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  push(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    waiter.isQueued = true;
  }

  /** As `unlink`. */
  remove(waiter: Waiter): boolean {
    if (!waiter.isQueued) return false;
    if (waiter.previous === undefined) this.#first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.next = waiter.previous = undefined;
    waiter.isQueued = false;
    return true;
  }

  /** As `dequeue`. */
  shift(): Waiter | undefined {
    for (;;) {
      const waiter = this.#first;
      if (waiter === undefined) return undefined;
      const next = waiter.next;
      this.#first = next;
      if (next === undefined) this.#last = undefined;
      else next.previous = undefined;
      waiter.next = undefined;
      waiter.isQueued = false;
      if (waiter.selection === undefined || waiter.selection.claim()) return waiter;
    }
  }

  /** All, oldest first. */
  *[Symbol.iterator](): Iterator<Waiter> {
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.next) yield waiter;
  }
}
