/**
 * The records of an isolate's parked operations: blocks of the arena, by which other isolates find an operation, and this
 * one finds its Waiter again. Records are made before a lock is taken, so that nothing under it can fail for want of memory.
 */
import { arenaFull, type Heap } from "../arena/heap.ts";
import { type Arena, W_CELL, W_ISOLATE, W_NUMBER, W_QUEUE, W_SELECTION } from "../arena/memory_layout.ts";
import type { Waiter } from "./waiter.ts";

/** Guess: records that are kept for the next operations that park. */
const MOST_SPARE = 256;

export class Records {
  readonly #words: Int32Array;
  readonly #isolate: number;
  readonly #heap: Heap;
  readonly #arenaBytes: number;
  /** In nobody's use. */
  readonly #spare: number[] = [];
  /** By the record's number; and the numbers in nobody's use. */
  readonly #waiters: (Waiter | undefined)[] = [];
  readonly #numbers: number[] = [];
  #shutdown: (() => Error) | undefined = undefined;

  constructor(arena: Arena, isolate: number, heap: Heap) {
    this.#words = arena.i32;
    this.#isolate = isolate;
    this.#heap = heap;
    this.#arenaBytes = arena.shape.bytes;
  }

  /** So many can be taken. Throws a RangeError if the arena is full. */
  reserve(count = 1): void {
    const refusal = this.tryReserve(count);
    if (refusal !== undefined) throw refusal;
  }

  /** What `reserve` would throw for a full arena: an operation that need not park goes on without. */
  tryReserve(count = 1): RangeError | undefined {
    while (this.#spare.length < count) {
      if (!this.#make()) return arenaFull(this.#arenaBytes);
    }
  }

  #make(): boolean {
    if (this.#shutdown !== undefined) throw this.#shutdown();
    const block = this.#heap.allocate(0);
    if (block === 0) return false;
    const record = block >> 2;
    this.#words[record + W_ISOLATE] = this.#isolate;
    this.#words[record + W_NUMBER] = this.#numbers.pop() ?? this.#waiters.push(undefined) - 1;
    this.#spare.push(record);
    return true;
  }

  /** One that was reserved. */
  take(): number {
    const record = this.#spare.pop()!;
    this.#words[record + W_SELECTION] = 0;
    this.#words[record + W_QUEUE] = 0;
    this.#words[record + W_CELL] = 0;
    return record;
  }

  /** The record is the operation's, until `release`. */
  assign(waiter: Waiter, record: number = this.take()): void {
    waiter.record = record;
    this.#waiters[this.#words[record + W_NUMBER]] = waiter;
  }

  /** Whose it is. Undefined: of a thread that had this isolate's number before, and died after the operation was completed. */
  waiterOf(record: number): Waiter | undefined {
    const waiter = this.#waiters[this.#words[record + W_NUMBER]];
    return waiter?.record === record ? waiter : undefined;
  }

  /** The operation needs it no more. */
  release(waiter: Waiter): void {
    const { record } = waiter;
    waiter.record = 0;
    this.#waiters[this.#words[record + W_NUMBER]] = undefined;
    this.giveBack(record);
  }

  /** One that was taken, and is no operation's. */
  giveBack(record: number): void {
    if (this.#spare.length < MOST_SPARE) {
      this.#spare.push(record);
    } else {
      this.#numbers.push(this.#words[record + W_NUMBER]);
      this.#heap.free(record * 4, 0);
    }
  }

  /** All operations that have one. */
  *waiters(): Iterable<Waiter> {
    for (const waiter of this.#waiters) if (waiter !== undefined) yield waiter;
  }

  /** From here on `reserve` throws that. */
  shutDown(why: () => Error): void {
    this.#shutdown = why;
    this.#spare.length = 0;
  }
}
