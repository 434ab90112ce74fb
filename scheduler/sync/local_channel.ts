/** A channel that one isolate knows alone: plain objects, no atomic operation. */
import { ChannelLife, END, NEXT, NOT_YET, type RECEIVE, SEND } from "./channel_life.ts";
import { isPrimitive } from "../codec/codec.ts";
import { copyWithin } from "./cell.ts";
import type { Isolate } from "./isolate.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { promiseOf, type Resolver } from "../tasks/task.ts";
import { LocalQueue, withdraw } from "./wait_queue.ts";
import { CLOSED, DONE, nobody, Waiter } from "./waiter.ts";

let made = 0;

/** In place of the queues of a channel that has had none yet, and of the values of one without capacity. */
const NO_QUEUE = new LocalQueue();
const NO_VALUES: unknown[] = [];
/** Nobody is parked in the channel itself. */
const NOBODY = 0;

export class LocalChannel extends ChannelLife implements Resolver {
  isClosed = false;
  length = 0;
  /** In the isolate's list of where operations are parked. */
  isListed = false;
  /** Where it is now, once it has moved to the arena. */
  moved: ChannelLife | undefined = undefined;
  /**
   * An operation without a signal that parks when no other is parked is no Waiter in a queue, but these four fields: tasks
   * that pass values to each other would make two Waiters for each. So it has waited longer than all of its kind. Whatever
   * is not a plain send or receive makes it a Waiter first: `#unfold`.
   */
  #parked = NOBODY;
  resolve: (value: unknown) => void = nobody;
  #promise: Promise<unknown> | undefined = undefined;
  /** What it sends. */
  #sent: unknown = undefined;
  #receivers = NO_QUEUE;
  #senders = NO_QUEUE;
  readonly #values: unknown[];
  #head = 0;
  readonly #number = ++made;
  /** What the last attempt received, and whom it concerns. */
  #value: unknown = undefined;
  #other: Waiter | undefined = undefined;

  constructor(isolate: Isolate, capacity: number) {
    super(isolate, capacity);
    this.#values = capacity === 0 ? NO_VALUES : [];
  }

  get name(): string {
    return `channel ${this.#number} of this thread`;
  }

  get object(): number {
    return 0;
  }

  // As in channel_life.ts, without what a channel in the arena needs: a third of their time. While nobody is parked, the
  // call that changes something is the last one, so that nothing throws after it.

  override receive(role: typeof RECEIVE | typeof NEXT, signal?: AbortSignal): Promise<unknown> {
    if (signal !== undefined && signal.aborted) return Promise.reject(signal.reason);
    if (this.#senders !== NO_QUEUE) return this.#receiveQueued(role, signal);
    if (this.length === 0 && this.#parked !== SEND) {
      if (!this.isClosed) return this.#park(role, undefined, signal);
      return role === NEXT ? this.isolate.doneWith(END) : Promise.reject(this.closed());
    }
    if (this.isolate.isBudgetOver || (this.length > 0 && this.#parked === SEND)) reserveStack();
    const value = this.length > 0 ? this.#values[this.#head] : this.#sent;
    const done = this.isolate.doneWith(role === NEXT ? { value, done: false } : value);
    if (this.length > 0) this.#shift();
    if (this.#parked !== SEND) return done;
    if (this.capacity > 0) this.#push(this.#sent);
    this.#end(undefined);
    return done;
  }

  /** Senders may wait in the queue. */
  #receiveQueued(role: typeof RECEIVE | typeof NEXT, signal: AbortSignal | undefined): Promise<unknown> {
    reserveStack();
    const outcome = this.attemptReceive();
    if (outcome === NOT_YET) return this.#park(role, undefined, signal);
    if (outcome === CLOSED) {
      return role === NEXT ? this.isolate.doneWith(END) : Promise.reject(this.closed());
    }
    const value = this.collect();
    return this.isolate.doneWith(role === NEXT ? { value, done: false } : value);
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
    const isAwaited = this.#parked !== NOBODY && this.#parked !== SEND;
    if (!isAwaited && this.#receivers !== NO_QUEUE) {
      reserveStack();
      const receiver = this.#receivers.shift();
      if (receiver !== undefined) {
        this.#resume(receiver, staged);
        return this.isolate.done();
      }
    }
    if (!isAwaited && this.length === this.capacity) return this.#park(SEND, staged, signal);
    if (this.isolate.isBudgetOver) reserveStack();
    const done = this.isolate.done();
    if (isAwaited) this.#end(staged);
    else this.#push(staged);
    return done;
  }

  override trySend(value: unknown): boolean {
    const staged = typeof value === "number" ? value : this.stage(value);
    if (this.moved !== undefined) return this.moved.trySend(staged);
    if (!this.isClosed && this.#parked === NOBODY && this.#receivers === NO_QUEUE) {
      if (this.length === this.capacity) return false;
      this.#push(staged);
      return true;
    }
    reserveStack();
    return this.offer(staged);
  }

  override tryReceive(): ReturnType<ChannelLife["tryReceive"]> {
    if (this.#parked === NOBODY && this.#senders === NO_QUEUE) {
      if (this.length > 0) return { value: this.#shift(), done: false };
      return this.isClosed ? { value: undefined, done: true } : undefined;
    }
    reserveStack();
    return super.tryReceive();
  }

  #park<T>(role: number, staged: unknown, signal: AbortSignal | undefined): Promise<T> {
    reserveStack();
    this.isolate.parked++;
    if (!this.isListed) this.isolate.list(this);
    if (signal === undefined && this.#parked === NOBODY && this.#receivers.isEmpty && this.#senders.isEmpty) {
      this.#parked = role;
      this.#sent = staged;
      return this.#promise = promiseOf(this) as Promise<T>;
    }
    const waiter = new Waiter(this, role);
    waiter.value = staged;
    this.#queueOf(role).push(waiter);
    return waiter.start(signal);
  }

  /** What is parked in the channel itself is done: a receive with the value. From the first change on it calls nothing of ours. */
  #end(value: unknown): void {
    const { isolate, resolve } = this;
    const outcome = this.#parked === NEXT ? { value, done: false } : value;
    const { mayRun } = isolate.loop;
    if (!mayRun) reserveStack();
    this.#parked = NOBODY;
    this.resolve = nobody;
    this.#promise = this.#sent = undefined;
    isolate.parked--;
    if (mayRun) resolve(outcome);
    else isolate.loop.resumeLater({ fire: () => resolve(outcome) });
  }

  /** What is parked in the channel itself becomes a Waiter, the first of its queue. */
  #unfold(): void {
    if (this.#parked === NOBODY) return;
    const waiter = new Waiter(this, this.#parked);
    waiter.value = this.#sent;
    waiter.resolve = this.resolve;
    waiter.promise = this.#promise;
    this.#parked = NOBODY;
    this.resolve = nobody;
    this.#promise = this.#sent = undefined;
    this.#queueOf(waiter.role).unshift(waiter);
  }

  #queueOf(role: number): LocalQueue {
    if (role === SEND) return this.#senders === NO_QUEUE ? this.#senders = new LocalQueue() : this.#senders;
    return this.#receivers === NO_QUEUE ? this.#receivers = new LocalQueue() : this.#receivers;
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

  *waiting(): Generator<Waiter> {
    this.#unfold();
    yield* this.#receivers;
    yield* this.#senders;
  }

  lock(): void {}
  unlock(): void {}
  tryReserve(): undefined {}
  unstage(): void {}

  stage(value: unknown): unknown {
    return isPrimitive(value) ? value : copyWithin(value);
  }

  attemptReceive(): number {
    this.#unfold();
    if (this.length > 0) {
      this.#value = this.#shift();
      // The sender that has waited longest has room now.
      const sender = this.#senders.shift();
      if (sender !== undefined) this.#push(sender.value);
      this.#other = sender;
      return DONE;
    }
    const sender = this.#senders.shift();
    if (sender === undefined) return this.isClosed ? CLOSED : NOT_YET;
    this.#value = sender.value;
    this.#other = sender;
    return DONE;
  }

  attemptSend(staged: unknown): number {
    this.#unfold();
    if (this.isClosed) return CLOSED;
    const receiver = this.#receivers.shift();
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
    this.#unfold();
    waiter.value = staged;
    this.#queueOf(waiter.role).push(waiter);
    if (!this.isListed) this.isolate.list(this);
  }

  withdraw(waiter: Waiter): boolean {
    return withdraw(waiter);
  }

  ended(waiter: Waiter, outcome: number): void {
    this.settle(waiter, outcome, waiter.role === SEND ? undefined : waiter.value);
    this.isolate.unparked(waiter);
  }

  close(): void {
    if (this.isClosed) throw this.closed();
    reserveStack();
    this.isClosed = true;
    this.#unfold();
    // What is buffered can still be received. Nothing is if somebody waits for it.
    for (const queue of [this.#receivers, this.#senders]) {
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
