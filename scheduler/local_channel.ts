/** A channel that one isolate knows alone: plain objects, no atomic operation. */
import { ChannelLife, END, NEXT, NOT_YET, type RECEIVE, SEND } from "./channel_life.ts";
import { isPrimitive } from "./codec.ts";
import { copyWithin } from "./cell.ts";
import type { Isolate } from "./isolate.ts";
import { LocalQueue } from "./wait_queue.ts";
import { CLOSED, DONE, Waiter } from "./waiter.ts";

let made = 0;

export class LocalChannel extends ChannelLife {
  readonly object = 0;
  readonly receivers: LocalQueue = new LocalQueue();
  readonly senders: LocalQueue = new LocalQueue();
  isClosed = false;
  length = 0;
  readonly #values: unknown[] = [];
  #head = 0;
  readonly #number = ++made;
  /** What the last attempt received, and whom it concerns. */
  #value: unknown = undefined;
  #other: Waiter | undefined = undefined;

  constructor(isolate: Isolate, capacity: number) {
    super(isolate, capacity);
  }

  get name(): string {
    return `channel ${this.#number} of this thread`;
  }

  /** In the isolate's list of where operations are parked. */
  isListed = false;

  // `receive` and `send` as in channel_life.ts, without what a channel in the arena needs: a third of their time.

  override receive(role: typeof RECEIVE | typeof NEXT, signal?: AbortSignal): Promise<unknown> {
    if (signal !== undefined && signal.aborted) return Promise.reject(signal.reason);
    const sender = this.senders.isEmpty ? undefined : this.senders.shift();
    let value: unknown;
    if (this.length > 0) {
      value = this.#shift();
      if (sender !== undefined) this.#push(sender.value);
    } else if (sender !== undefined) {
      value = sender.value;
    } else if (this.isClosed) {
      return role === NEXT ? this.isolate.doneWith(END) : Promise.reject(this.closed());
    } else {
      const waiter = new Waiter(this, role);
      this.receivers.push(waiter);
      this.#parked();
      return waiter.promise(signal);
    }
    if (sender !== undefined) this.#resume(sender, undefined);
    return this.isolate.doneWith(role === NEXT ? { value, done: false } : value);
  }

  override send(value: unknown, signal?: AbortSignal): Promise<void> {
    if (signal !== undefined && signal.aborted) return Promise.reject(signal.reason);
    const staged = typeof value === "number" ? value : this.stage(value);
    if (this.isClosed) return Promise.reject(this.closed());
    const receiver = this.receivers.isEmpty ? undefined : this.receivers.shift();
    if (receiver !== undefined) {
      this.#resume(receiver, staged);
    } else if (this.length < this.capacity) {
      this.#push(staged);
    } else {
      const waiter = new Waiter(this, SEND);
      waiter.value = staged;
      this.senders.push(waiter);
      this.#parked();
      return waiter.promise(signal);
    }
    return this.isolate.done();
  }

  /** A parked operation is done: a receive with the value. */
  #resume(waiter: Waiter, value: unknown): void {
    const { isolate } = this;
    if (!isolate.loop.mayRun || waiter.selection !== undefined) {
      if (waiter.role !== SEND) waiter.value = value;
      return isolate.end(waiter, DONE);
    }
    isolate.unparked(waiter);
    waiter.resolve(waiter.role === NEXT ? { value, done: false } : value);
  }

  #parked(): void {
    this.isolate.parked++;
    if (!this.isListed) this.isolate.list(this);
  }

  *waiting(): Generator<Waiter> {
    yield* this.receivers;
    yield* this.senders;
  }

  lock(): void {}
  unlock(): void {}
  reserve(): void {}
  unstage(): void {}

  stage(value: unknown): unknown {
    return isPrimitive(value) ? value : copyWithin(value);
  }

  attemptReceive(): number {
    if (this.length > 0) {
      this.#value = this.#shift();
      // The sender that has waited longest has room now.
      const sender = this.senders.isEmpty ? undefined : this.senders.shift();
      if (sender !== undefined) this.#push(sender.value);
      this.#other = sender;
      return DONE;
    }
    const sender = this.senders.isEmpty ? undefined : this.senders.shift();
    if (sender === undefined) return this.isClosed ? CLOSED : NOT_YET;
    this.#value = sender.value;
    this.#other = sender;
    return DONE;
  }

  attemptSend(staged: unknown): number {
    if (this.isClosed) return CLOSED;
    const receiver = this.receivers.isEmpty ? undefined : this.receivers.shift();
    if (receiver !== undefined) {
      receiver.value = staged;
      this.#other = receiver;
      return DONE;
    }
    if (this.length >= this.capacity) return NOT_YET;
    this.#push(staged);
    return DONE;
  }

  collect(): unknown {
    const value = this.#value;
    const other = this.#other;
    this.#value = this.#other = undefined;
    if (other !== undefined) this.#resume(other, other.role === SEND ? undefined : other.value);
    return value;
  }

  enqueue(waiter: Waiter, staged: unknown): void {
    waiter.value = staged;
    (waiter.role === SEND ? this.senders : this.receivers).push(waiter);
    if (!this.isListed) this.isolate.list(this);
  }

  withdraw(waiter: Waiter): boolean {
    return (waiter.role === SEND ? this.senders : this.receivers).remove(waiter);
  }

  ended(waiter: Waiter, outcome: number): void {
    this.settle(waiter, outcome, waiter.role === SEND ? undefined : waiter.value);
    this.isolate.unparked(waiter);
  }

  close(): void {
    if (this.isClosed) throw this.closed();
    this.isClosed = true;
    // What is buffered can still be received. Nothing is if somebody waits for it.
    for (const queue of [this.receivers, this.senders]) {
      for (let waiter = queue.shift(); waiter !== undefined; waiter = queue.shift()) {
        waiter.value = undefined;
        this.isolate.end(waiter, CLOSED);
      }
    }
  }

  #push(value: unknown): void {
    const at = this.#head + this.length++;
    this.#values[at < this.capacity ? at : at - this.capacity] = value;
  }

  #shift(): unknown {
    const value = this.#values[this.#head];
    this.#values[this.#head] = undefined;
    if (++this.#head === this.capacity) this.#head = 0;
    this.length--;
    return value;
  }

  /** What is buffered, oldest first: it is about to move. */
  values(): unknown[] {
    return Array.from({ length: this.length }, (_, i) => this.#values[(this.#head + i) % this.capacity]);
  }
}
