/**
 * First-in, first-out lists of parked operations: in the arena, under the lock of the object that they wait for; and of
 * one isolate alone.
 */
import { cas } from "../arena/atomics.ts";
import {
  O_FIRST_QUEUE,
  W_FIRED,
  W_NEXT,
  W_OUTCOME,
  W_PREVIOUS,
  W_QUEUE,
  W_SELECTION,
} from "../arena/layout/object.ts";

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

/** Under the object's lock. False: somebody took it out before, and has completed the operation or will. */
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
 * The operation that has waited longest, which the caller is to complete; 0 if there is none. A case of a select that
 * another case has won is passed over: its isolate has the record, and finds it in no queue. Under the object's lock.
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

/** All that are in the first queue come to that, and into `records`: they are to be readied after the unlock. Under the lock. */
export function dequeueAll(words: Int32Array, object: number, outcome: number, records: number[]): void {
  for (let record; (record = words[object + O_FIRST_QUEUE]) !== 0;) {
    unlink(words, object, record);
    words[record + W_OUTCOME] = outcome;
    records.push(record);
  }
}

/** A parked operation, as a queue of one isolate knows it. */
export interface Parked {
  /** The queue that it is in, and its neighbours there. */
  queue: LocalQueue<Parked> | undefined;
  next: Parked | undefined;
  previous: Parked | undefined;
  /** The select that it is a case of. False: another case has won. */
  readonly selection: { claim(): boolean } | undefined;
}

/** Of one isolate. */
export class LocalQueue<P extends Parked> {
  /** The one that has waited longest. */
  first: P | undefined = undefined;
  /** The one that came last, if there is a first. */
  last: P | undefined = undefined;

  push(parked: P): void {
    parked.queue = this as unknown as LocalQueue<Parked>;
    if (this.first === undefined) {
      this.first = parked;
    } else {
      parked.previous = this.last;
      this.last!.next = parked;
    }
    this.last = parked;
  }

  /** As `dequeue`. */
  shift(): P | undefined {
    for (;;) {
      const { first } = this;
      if (first === undefined) return undefined;
      leaveQueue(first);
      if (first.selection === undefined || first.selection.claim()) return first;
    }
  }

  /** All, oldest first. */
  *[Symbol.iterator](): Iterator<P> {
    for (let parked = this.first; parked !== undefined; parked = parked.next as P | undefined) yield parked;
  }
}

/** As `unlink`, from the LocalQueue that it is in. */
export function leaveQueue(parked: Parked): boolean {
  const { queue, previous, next } = parked;
  if (queue === undefined) return false;
  if (next === undefined) queue.last = previous;
  else next.previous = previous;
  if (previous === undefined) queue.first = next;
  else previous.next = next;
  parked.queue = parked.previous = parked.next = undefined;
  return true;
}
