/**
 * A channel that several isolates know, after Go's `runtime/chan.go`: a ring of cells and two queues of parked operations,
 * all under the object's lock. At most one of these is ever true of it: values are buffered and nobody receives;
 * receivers are parked; senders are parked and the ring is full.
 *
 * Plain access under the lock: each of its two operations orders what is between. Who takes a parked operation out of its
 * queue gives it the value or takes the value from it, right there, and wakes it after the unlock. So a value is always in
 * one place, and what was sent first is received first.
 */
import { copyCell, dropCell, takeCell, writeCell } from "./cell.ts";
import { ChannelLife, NOT_YET, SEND } from "./channel_life.ts";
import { CHANNEL } from "./handles.ts";
import type { Isolate } from "./isolate.ts";
import type { LocalChannel } from "./local_channel.ts";
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
  W_OBJECT,
  W_OUTCOME,
  W_SELECTION,
} from "../arena/memory_layout.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { dequeue, enqueue, unlink } from "./wait_queue.ts";
import { CLOSED, DONE, type Waiter } from "./waiter.ts";

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

  /** The place for the state of a channel that one isolate knew alone. Throws a RangeError if there is none. */
  static beside(local: LocalChannel, handle: object): SharedChannel {
    const { isolate, capacity } = local;
    const object = isolate.handles.create(CHANNEL, capacity * CELL_WORDS);
    isolate.words[object + C_CAPACITY] = capacity;
    isolate.words[object + O_ENDED] = local.isClosed ? 1 : 0;
    return new SharedChannel(isolate, object, handle);
  }

  /** What is buffered there, and who is parked, move here. If that throws, nothing has moved. */
  fill(local: LocalChannel): void {
    const { isolate, object } = this;
    const words = this.#words;
    const waiters = [...local.waiting()];
    const sent = waiters.filter(({ role }) => role === SEND).map(({ value }) => value);
    const written: number[] = [];
    try {
      for (const value of [...local.values(), ...sent]) {
        // Each by itself: a value may have channels in it, which need records as well.
        isolate.reserve();
        const record = isolate.takeRecord();
        written.push(record);
        writeCell(isolate, isolate.values, record + W_CELL, value);
      }
      isolate.reserve(waiters.length);
    } catch (error) {
      for (const record of written) {
        dropCell(isolate, isolate.values, record + W_CELL);
        isolate.giveRecord(record);
      }
      throw error;
    }
    local.moved = this;
    const { length } = local;
    for (const record of written.slice(0, length)) {
      copyCell(words, record + W_CELL, words, this.#cells + words[object + C_COUNT]++ * CELL_WORDS);
      isolate.giveRecord(record);
    }
    let next = length;
    for (const waiter of waiters) {
      local.withdraw(waiter);
      waiter.waited = this;
      waiter.value = undefined;
      if (waiter.role === SEND) isolate.useRecord(waiter, written[next++]);
      this.enqueue(waiter);
    }
  }

  get name(): string {
    return `channel ${this.object >> 4}`;
  }

  get length(): number {
    reserveStack();
    this.lock();
    const count = this.#words[this.object + C_COUNT];
    this.unlock();
    return count;
  }

  get isClosed(): boolean {
    reserveStack();
    this.lock();
    const closed = this.#words[this.object + O_ENDED];
    this.unlock();
    return closed === 1;
  }

  lock(): void {
    this.isolate.lock(this.object);
  }

  unlock(): void {
    this.isolate.unlock(this.object);
  }

  tryReserve(): RangeError | undefined {
    return this.isolate.tryReserve();
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
      if (words[object + SENDERS] !== 0 && words[object + O_ENDED] === 0) {
        const sender = dequeue(words, object, SENDERS);
        if (sender !== 0) {
          copyCell(words, sender + W_CELL, words, cell);
          words[sender + W_CELL] = 0;
          words[object + C_COUNT] = count;
          this.#done(sender);
        }
      }
      this.#received = true;
      return DONE;
    }
    if (words[object + O_ENDED] === 1) return CLOSED;
    const sender = words[object + SENDERS] === 0 ? 0 : dequeue(words, object, SENDERS);
    if (sender === 0) return NOT_YET;
    copyCell(words, sender + W_CELL, this.isolate.taken.i32, 0);
    words[sender + W_CELL] = 0;
    this.#done(sender);
    this.#received = true;
    return DONE;
  }

  #done(record: number): void {
    this.#words[record + W_OUTCOME] = DONE;
    this.#other = record;
  }

  attemptSend(staged: number): number {
    const words = this.#words;
    const { object } = this;
    this.#other = 0;
    if (words[object + O_ENDED] === 1) return CLOSED;
    const from = staged === IN_STAGE ? this.isolate.sending.i32 : words;
    const at = staged === IN_STAGE ? 0 : staged + W_CELL;
    const receiver = words[object + RECEIVERS] === 0 ? 0 : dequeue(words, object, RECEIVERS);
    if (receiver !== 0) {
      copyCell(from, at, words, receiver + W_CELL);
      this.#done(receiver);
      return DONE;
    }
    const count = words[object + C_COUNT];
    if (count >= this.capacity) return NOT_YET;
    const index = words[object + C_HEAD] + count;
    copyCell(
      from,
      at,
      words,
      this.#cells + (index < this.capacity ? index : index - this.capacity) * CELL_WORDS,
    );
    words[object + C_COUNT] = count + 1;
    return DONE;
  }

  collect(): unknown {
    if (this.#other !== 0) {
      const other = this.#other;
      this.#other = 0;
      this.isolate.wake(other);
    }
    if (!this.#received) return undefined;
    this.#received = false;
    return takeCell(this.isolate, this.isolate.taken, 0);
  }

  /** What it sends is in its record, if it has one; else in the stage. */
  enqueue(waiter: Waiter): void {
    const words = this.#words;
    if (waiter.record === 0) {
      this.isolate.useRecord(waiter, this.isolate.takeRecord());
      if (waiter.role === SEND) copyCell(this.isolate.sending.i32, 0, words, waiter.record + W_CELL);
    }
    const { record, selection } = waiter;
    words[record + W_OBJECT] = this.object;
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
    this.lock();
    const isOurs = unlink(this.#words, this.object, waiter.record);
    this.unlock();
    if (isOurs) this.drop(waiter);
    return isOurs;
  }

  ended(waiter: Waiter, outcome: number): void {
    const { isolate } = this;
    const { record } = waiter;
    let value: unknown;
    if (waiter.role === SEND) {
      if (outcome === CLOSED) dropCell(isolate, isolate.values, record + W_CELL);
    } else if (outcome === DONE) {
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
        if (record !== 0) words[record + W_OUTCOME] = CLOSED;
        this.unlock();
        if (record === 0) break;
        woken.push(record);
      }
    }
    for (const record of woken) this.isolate.wake(record);
  }
}
