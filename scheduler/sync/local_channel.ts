/**
 * A channel that one isolate knows alone: plain objects, no atomic operation.
 *
 * The fast paths do not ask for room on the stack, which takes as long as they do. Of their calls each changes nothing, or
 * is the last one of ours: without room it throws before it has begun.
 */
import { isPrimitive } from "../codec/codec.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { noPromise } from "../tasks/promise.ts";

import { copyWithin } from "./cell.ts";
import { ChannelLife, type Received, type Receiving, resultOf, SEND } from "./channel_life.ts";
import type { Isolate, LocalPlace } from "./isolate.ts";
import { CHANNEL_CLOSED, SUCCEEDED, WOULD_BLOCK } from "./outcome.ts";
import { leaveQueue, LocalQueue } from "./wait_queue.ts";
import { Waiter } from "./waiter.ts";

let made = 0;

/** Of a channel without capacity. */
const NO_VALUES: unknown[] = [];

export class LocalChannel extends ChannelLife implements LocalPlace {
  isClosed = false;
  length = 0;
  isListed = false;
  /** Where it is now, once it has moved to the arena. */
  moved: ChannelLife | undefined = undefined;
  readonly #receivers = new LocalQueue<Waiter>();
  readonly #senders = new LocalQueue<Waiter>();
  /** For the next operation that parks: tasks that pass values to each other would make two for each. */
  #spare: Waiter | undefined = undefined;
  readonly #values: unknown[];
  #head = 0;
  readonly #number = ++made;
  /** What the last attempt received, and what was parked and had a part in it. */
  #value: unknown = undefined;
  #other: Waiter | undefined = undefined;

  constructor(isolate: Isolate, capacity: number) {
    super(isolate, capacity);
    this.#values = capacity === 0 ? NO_VALUES : [];
  }

  get name(): string {
    return `channel ${this.#number} of this thread`;
  }

  override receive(role: Receiving, signal?: AbortSignal): Promise<unknown> {
    if (signal !== undefined && signal.aborted) return Promise.reject(signal.reason);
    const { isolate } = this;
    const sender = this.#senders.first;
    if (sender !== undefined) {
      if (this.length > 0 || !isPlain(sender) || isolate.isBudgetOver || !isolate.loop.mayRun) {
        return this.#receiveFromSender(role, signal);
      }
      const done = this.received(role, sender.value);
      this.#hand(sender, undefined);
      return done;
    }
    if (this.length === 0) {
      return this.isClosed
        ? this.receivedNothing(role)
        : this.#park(this.#receivers, role, undefined, signal);
    }
    if (isolate.isBudgetOver) reserveStack();
    const done = this.received(role, this.#values[this.#head]);
    this.#shift();
    return done;
  }

  #receiveFromSender(role: Receiving, signal: AbortSignal | undefined): Promise<unknown> {
    reserveStack();
    // Each sender may be a select in which another case has won.
    if (this.attemptReceive() === WOULD_BLOCK) return this.#park(this.#receivers, role, undefined, signal);
    return this.received(role, this.collect());
  }

  override send(value: unknown, signal?: AbortSignal): Promise<void> {
    if (signal !== undefined && signal.aborted) return Promise.reject(signal.reason);
    let staged = value;
    if (typeof value !== "number") {
      staged = this.stage(value);
      // Getters of the value may have passed this channel on.
      if (this.moved !== undefined) return this.moved.send(staged, signal);
    }
    if (this.isClosed) return Promise.reject(this.closed());
    const { isolate } = this;
    const receiver = this.#receivers.first;
    if (receiver === undefined) {
      if (this.length === this.capacity) return this.#park(this.#senders, SEND, staged, signal);
      if (isolate.isBudgetOver) reserveStack();
      const done = isolate.done();
      this.#push(staged);
      return done;
    }
    if (!isPlain(receiver) || isolate.isBudgetOver || !isolate.loop.mayRun) {
      return this.#sendToReceiver(staged, signal);
    }
    const done = isolate.done();
    this.#hand(receiver, staged);
    return done;
  }

  #sendToReceiver(staged: unknown, signal: AbortSignal | undefined): Promise<void> {
    reserveStack();
    if (this.attemptSend(staged) === WOULD_BLOCK) return this.#park(this.#senders, SEND, staged, signal);
    this.collect();
    return this.isolate.done();
  }

  /** Completes a plain operation that is parked: a receive with the value. */
  #hand(waiter: Waiter, value: unknown): void {
    const { resolve, role } = waiter;
    const result = resultOf(role, value);
    leaveQueue(waiter);
    this.isolate.parked--;
    // What waits to be used again keeps nothing alive.
    waiter.resolve = noPromise;
    waiter.promise = waiter.value = undefined;
    this.#spare = waiter;
    resolve(result);
  }

  override trySend(value: unknown): boolean {
    const staged = typeof value === "number" ? value : this.stage(value);
    if (this.moved !== undefined) return this.moved.trySend(staged);
    if (this.#receivers.first !== undefined || this.isClosed) {
      reserveStack();
      const outcome = this.attemptSend(staged);
      if (outcome === CHANNEL_CLOSED) throw this.closed();
      if (outcome === SUCCEEDED) this.collect();
      return outcome === SUCCEEDED;
    }
    if (this.length === this.capacity) return false;
    this.#push(staged);
    return true;
  }

  override tryReceive(): Received | undefined {
    if (this.#senders.first === undefined) {
      if (this.length > 0) return { value: this.#shift(), done: false };
      return this.isClosed ? { value: undefined, done: true } : undefined;
    }
    reserveStack();
    return this.attemptReceive() === SUCCEEDED ? { value: this.collect(), done: false } : undefined;
  }

  #park<T>(queue: LocalQueue<Waiter>, role: number, staged: unknown, signal?: AbortSignal): Promise<T> {
    if (!this.isListed || signal !== undefined) {
      reserveStack();
      if (!this.isListed) this.isolate.list(this);
    }
    const waiter = this.#spare ?? new Waiter(this, role);
    const promise = waiter.start<T>();
    waiter.role = role;
    waiter.value = staged;
    queue.push(waiter);
    this.#spare = undefined;
    this.isolate.parked++;
    if (signal !== undefined) waiter.follow(signal);
    return promise;
  }

  *waiting(): Generator<Waiter> {
    yield* this.#receivers;
    yield* this.#senders;
  }

  stage(value: unknown): unknown {
    return isPrimitive(value) ? value : copyWithin(value);
  }

  attemptReceive(): number {
    const sender = this.#senders.shift();
    if (this.length > 0) {
      this.#value = this.#shift();
      if (sender !== undefined) this.#push(sender.value);
    } else if (sender !== undefined) {
      this.#value = sender.value;
    } else {
      return this.isClosed ? CHANNEL_CLOSED : WOULD_BLOCK;
    }
    this.#other = sender;
    return SUCCEEDED;
  }

  attemptSend(staged: unknown): number {
    if (this.isClosed) return CHANNEL_CLOSED;
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) {
      receiver.value = staged;
      this.#other = receiver;
      return SUCCEEDED;
    }
    if (this.length >= this.capacity) return WOULD_BLOCK;
    this.#push(staged);
    return SUCCEEDED;
  }

  collect(): unknown {
    const value = this.#value;
    const other = this.#other;
    this.#value = this.#other = undefined;
    if (other !== undefined) this.isolate.complete(other, SUCCEEDED);
    return value;
  }

  enqueue(waiter: Waiter, staged: unknown): void {
    waiter.value = staged;
    (waiter.role === SEND ? this.#senders : this.#receivers).push(waiter);
    if (!this.isListed) this.isolate.list(this);
  }

  withdraw(waiter: Waiter): boolean {
    return leaveQueue(waiter);
  }

  completed(waiter: Waiter, outcome: number): void {
    this.settle(waiter, outcome, waiter.role === SEND ? undefined : waiter.value);
    this.isolate.unparked(waiter);
    waiter.value = undefined;
  }

  close(): void {
    if (this.isClosed) throw this.closed();
    reserveStack();
    this.isClosed = true;
    // What is buffered can still be received. Nothing is if somebody waits for it.
    for (const queue of [this.#receivers, this.#senders]) {
      for (let waiter = queue.shift(); waiter !== undefined; waiter = queue.shift()) {
        waiter.value = undefined;
        this.isolate.complete(waiter, CHANNEL_CLOSED);
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

/** Neither a case of a select nor with a signal, so that nobody else refers to it. */
function isPlain(waiter: Waiter): boolean {
  return waiter.selection === undefined && waiter.release === undefined;
}
