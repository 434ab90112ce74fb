/**
 * First-in, first-out lists of parked operations: in the arena, under the lock of the object that they wait for; and of
 * this isolate alone.
 */
import { cas } from "../arena/atomics.ts";
import { W_FIRED, W_NEXT, W_PREVIOUS, W_QUEUE, W_SELECTION } from "../arena/memory_layout.ts";
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

/** Of one isolate: a ring of operations and of the queue itself, which is before the first and after the last. */
export class LocalQueue {
  next: Waiter | LocalQueue = this;
  previous: Waiter | LocalQueue = this;

  get isEmpty(): boolean {
    return this.next === this;
  }

  push(waiter: Waiter): void {
    insert(waiter, this.previous, this);
  }

  /** It has waited longer than all others. */
  unshift(waiter: Waiter): void {
    insert(waiter, this, this.next);
  }

  /** As `dequeue`. */
  shift(): Waiter | undefined {
    while (this.next !== this) {
      const waiter = this.next as Waiter;
      withdraw(waiter);
      if (waiter.selection === undefined || waiter.selection.claim()) return waiter;
    }
    return undefined;
  }

  /** All, oldest first. */
  *[Symbol.iterator](): Iterator<Waiter> {
    for (let waiter = this.next; waiter !== this; waiter = waiter.next!) yield waiter as Waiter;
  }
}

function insert(waiter: Waiter, previous: Waiter | LocalQueue, next: Waiter | LocalQueue): void {
  waiter.previous = previous;
  waiter.next = next;
  previous.next = waiter;
  next.previous = waiter;
}

/** As `unlink`, from the LocalQueue that it is in. */
export function withdraw(waiter: Waiter): boolean {
  const { previous, next } = waiter;
  if (next === undefined) return false;
  previous!.next = next;
  next.previous = previous!;
  waiter.previous = waiter.next = undefined;
  return true;
}
