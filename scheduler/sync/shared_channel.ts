/**
 * A channel that several isolates know, after Go's `runtime/chan.go`: a ring of cells and two queues of parked operations,
 * all under the object's lock. At most one of these is ever true of it: values are buffered and nobody receives;
 * receivers are parked; senders are parked and the ring is full.
 *
 * Plain access under the lock: each of its two operations orders what is between. Who takes a parked operation out of its
 * queue gives it the value or takes the value from it, right there, and wakes it after the unlock. So a value is always in
 * one place, and what was sent first is received first.
 */
import { CHANNEL_CLOSED, SUCCEEDED, WOULD_BLOCK } from "./outcome.ts";
import { copyCell, dropCell, takeCell, writeCell } from "./cell.ts";
import type { Received } from "./channel_ends.ts";
import { ChannelLife, type Receiving, SEND } from "./channel_life.ts";
import type { Isolate } from "./isolate.ts";
import {
  C_CAPACITY,
  C_COUNT,
  C_HEAD,
  CELL_WORDS,
  O_ENDED,
  O_FIRST_QUEUE,
  O_SECOND_QUEUE,
  W_CELL,
  W_FIRED,
  W_OUTCOME,
  W_SELECTION,
} from "../arena/layout/object.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { dequeue, enqueue } from "./wait_queue.ts";
import { Waiter } from "./waiter.ts";

const RECEIVERS = O_FIRST_QUEUE;
const SENDERS = O_SECOND_QUEUE;

/** A value that is ready to be sent: it lies in the record of the operation, or in `isolate.sending`. */
const IN_STAGE = 0;

export class SharedChannel extends ChannelLife {
  readonly object: number;
  /** What keeps the object: the handle lives as long as an operation waits. */
  readonly handle: object;
  readonly #words: Int32Array;
  readonly #cells: number;
  #received = false;
  /** Whom the last attempt concerns: a record. */
  #other = 0;

  constructor(isolate: Isolate, object: number, handle: object) {
    super(isolate, isolate.words[object + C_CAPACITY]);
    this.object = object;
    this.handle = handle;
    this.#words = isolate.words;
    this.#cells = object + isolate.handles.bodyAt;
  }

  get name(): string {
    return `channel ${this.object >> 4}`;
  }

  get length(): number {
    return this.isolate.objectLocks.look(this.object, C_COUNT);
  }

  get isClosed(): boolean {
    return this.isolate.objectLocks.look(this.object, O_ENDED) === 1;
  }

  receive(role: Receiving, signal?: AbortSignal): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    reserveStack();
    // Nothing can park in an arena that is full, perhaps of those that wait for just this.
    const refusal = this.isolate.records.tryReserve();
    this.lock();
    const outcome = this.attemptReceive();
    if (outcome === WOULD_BLOCK && refusal === undefined) return this.#park(role, signal);
    this.unlock();
    if (outcome === SUCCEEDED) return this.received(role, this.collect());
    return outcome === CHANNEL_CLOSED ? this.receivedNothing(role) : Promise.reject(refusal);
  }

  send(value: unknown, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    reserveStack();
    this.stage(value);
    let refusal: RangeError | undefined;
    try {
      // Not before: a channel or a mutex in the value may have moved to the arena, with records for all who wait there.
      refusal = this.isolate.records.tryReserve();
    } catch (error) {
      this.unstage();
      throw error;
    }
    this.lock();
    const outcome = this.attemptSend(IN_STAGE);
    if (outcome === WOULD_BLOCK && refusal === undefined) return this.#park(SEND, signal);
    this.unlock();
    if (outcome === SUCCEEDED) {
      this.collect();
      return this.isolate.done();
    }
    this.unstage();
    return Promise.reject(outcome === CHANNEL_CLOSED ? this.closed() : refusal);
  }

  #park<T>(role: number, signal: AbortSignal | undefined): Promise<T> {
    const waiter = new Waiter(this, role);
    this.enqueue(waiter);
    this.unlock();
    this.isolate.park(waiter);
    return waiter.start(signal);
  }

  tryReceive(): Received<unknown> | undefined {
    reserveStack();
    this.lock();
    const outcome = this.attemptReceive();
    this.unlock();
    if (outcome === WOULD_BLOCK) return undefined;
    return outcome === CHANNEL_CLOSED
      ? { value: undefined, done: true }
      : { value: this.collect(), done: false };
  }

  trySend(value: unknown): boolean {
    reserveStack();
    this.stage(value);
    this.lock();
    const outcome = this.attemptSend(IN_STAGE);
    this.unlock();
    if (outcome === SUCCEEDED) {
      this.collect();
      return true;
    }
    this.unstage();
    if (outcome === CHANNEL_CLOSED) throw this.closed();
    return false;
  }

  lock(): void {
    this.isolate.objectLocks.lock(this.object);
  }

  unlock(): void {
    this.isolate.objectLocks.unlock(this.object);
  }

  stage(value: unknown): number {
    writeCell(this.isolate, this.isolate.sending, 0, value);
    return IN_STAGE;
  }

  unstage(): void {
    dropCell(this.isolate, this.isolate.sending, 0);
  }

  attemptReceive(): number {
    const words = this.#words;
    const { object } = this;
    const count = words[object + C_COUNT];
    this.#other = 0;
    if (count > 0) {
      const head = words[object + C_HEAD];
      const cell = this.#cells + head * CELL_WORDS;
      copyCell(words, cell, this.isolate.taken.i32, 0);
      words[object + C_HEAD] = head + 1 === this.capacity ? 0 : head + 1;
      words[object + C_COUNT] = count - 1;
      // The sender that has waited longest has room now: with a full ring the first cell is the next to be filled. Of a
      // closed channel they are about to be told.
      if (words[object + SENDERS] !== 0 && words[object + O_ENDED] !== 1) {
        const sender = dequeue(words, object, SENDERS);
        if (sender !== 0) {
          copyCell(words, sender + W_CELL, words, cell);
          words[sender + W_CELL] = 0;
          words[object + C_COUNT] = count;
          this.#complete(sender);
        }
      }
      this.#received = true;
      return SUCCEEDED;
    }
    if (words[object + O_ENDED] === 1) return CHANNEL_CLOSED;
    const sender = words[object + SENDERS] === 0 ? 0 : dequeue(words, object, SENDERS);
    if (sender === 0) return WOULD_BLOCK;
    copyCell(words, sender + W_CELL, this.isolate.taken.i32, 0);
    words[sender + W_CELL] = 0;
    this.#complete(sender);
    this.#received = true;
    return SUCCEEDED;
  }

  #complete(record: number): void {
    this.#words[record + W_OUTCOME] = SUCCEEDED;
    this.#other = record;
  }

  attemptSend(staged: number): number {
    const words = this.#words;
    const { object } = this;
    this.#other = 0;
    if (words[object + O_ENDED] === 1) return CHANNEL_CLOSED;
    const from = staged === IN_STAGE ? this.isolate.sending.i32 : words;
    const at = staged === IN_STAGE ? 0 : staged + W_CELL;
    const receiver = words[object + RECEIVERS] === 0 ? 0 : dequeue(words, object, RECEIVERS);
    if (receiver !== 0) {
      copyCell(from, at, words, receiver + W_CELL);
      this.#complete(receiver);
      return SUCCEEDED;
    }
    const count = words[object + C_COUNT];
    if (count >= this.capacity) return WOULD_BLOCK;
    const index = words[object + C_HEAD] + count;
    copyCell(
      from,
      at,
      words,
      this.#cells + (index < this.capacity ? index : index - this.capacity) * CELL_WORDS,
    );
    words[object + C_COUNT] = count + 1;
    return SUCCEEDED;
  }

  collect(): unknown {
    if (this.#other !== 0) {
      const other = this.#other;
      this.#other = 0;
      this.isolate.ready(other);
    }
    if (!this.#received) return undefined;
    this.#received = false;
    return takeCell(this.isolate, this.isolate.taken, 0);
  }

  /** What it sends is in its record, if it has one; else in the stage. */
  enqueue(waiter: Waiter): void {
    const words = this.#words;
    if (waiter.record === 0) {
      this.isolate.records.assign(waiter);
      if (waiter.role === SEND) copyCell(this.isolate.sending.i32, 0, words, waiter.record + W_CELL);
    }
    const { record, selection } = waiter;
    if (selection !== undefined) {
      if (selection.main === 0) {
        words[record + W_FIRED] = selection.isOver ? 1 : 0;
        selection.main = record;
      }
      words[record + W_SELECTION] = selection.main;
    }
    enqueue(words, this.object, waiter.role === SEND ? SENDERS : RECEIVERS, record);
  }

  /** The staged value moves into the operation's record. */
  keep(waiter: Waiter): void {
    copyCell(this.isolate.sending.i32, 0, this.#words, waiter.record + W_CELL);
  }

  /** What is in the operation's record will not be sent. */
  drop(waiter: Waiter): void {
    if (waiter.role === SEND) dropCell(this.isolate, this.isolate.values, waiter.record + W_CELL);
  }

  withdraw(waiter: Waiter): boolean {
    const isOurs = this.isolate.withdraw(waiter, this.object);
    if (isOurs) this.drop(waiter);
    return isOurs;
  }

  completed(waiter: Waiter, outcome: number): void {
    const { isolate } = this;
    const { record } = waiter;
    let value: unknown;
    if (waiter.role === SEND) {
      if (outcome === CHANNEL_CLOSED) dropCell(isolate, isolate.values, record + W_CELL);
    } else if (outcome === SUCCEEDED) {
      try {
        value = takeCell(isolate, isolate.values, record + W_CELL);
      } catch (error) {
        // Who has sent it, or reads the mail, has nothing to do with what it takes to read it.
        return waiter.fail(error);
      }
    }
    // In this order: the record may be the one that decides for its select.
    this.settle(waiter, outcome, value);
    isolate.unparked(waiter);
  }

  close(): void {
    const words = this.#words;
    const { object } = this;
    const woken: number[] = [];
    reserveStack();
    this.lock();
    const wasClosed = words[object + O_ENDED] === 1;
    words[object + O_ENDED] = 1;
    this.unlock();
    if (wasClosed) throw this.closed();
    // Nobody parks here any more.
    for (const queue of [RECEIVERS, SENDERS]) {
      for (;;) {
        this.lock();
        const record = dequeue(words, object, queue);
        if (record !== 0) words[record + W_OUTCOME] = CHANNEL_CLOSED;
        this.unlock();
        if (record === 0) break;
        woken.push(record);
      }
    }
    for (const record of woken) this.isolate.ready(record);
  }
}
