/** A channel that one isolate knows alone: plain objects, no atomic operation. */
import { ChannelLife, NOT_YET, SEND } from "./channel_life.ts";
import { isPrimitive } from "./codec.ts";
import { copyWithin } from "./cell.ts";
import type { Isolate } from "./isolate.ts";
import { LocalQueue } from "./wait_queue.ts";
import { CLOSED, DONE, type Waiter } from "./waiter.ts";

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
    this.#value = undefined;
    if (this.#other !== undefined) {
      const other = this.#other;
      this.#other = undefined;
      this.isolate.end(other, DONE);
    }
    return value;
  }

  enqueue(waiter: Waiter, staged: unknown): void {
    waiter.value = staged;
    (waiter.role === SEND ? this.senders : this.receivers).push(waiter);
  }

  withdraw(waiter: Waiter): boolean {
    return (waiter.role === SEND ? this.senders : this.receivers).remove(waiter);
  }

  ended(waiter: Waiter, outcome: number): void {
    this.isolate.unparked(waiter);
    this.settle(waiter, outcome, waiter.role === SEND ? undefined : waiter.value);
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
