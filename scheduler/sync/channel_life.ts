/**
 * What the two lives of a channel have in common. It begins **local**, plain objects of the isolate that made it, and
 * becomes **shared** when it is sent somewhere else: then its state moves to the arena, once and for all.
 *
 * Each operation first attempts what can be done at once. `attemptReceive` and `attemptSend` are called between `lock`
 * and `unlock`, so that a select can hold several channels; `collect` follows after the unlock. All of that has the room
 * on the stack that was asked for at the begin.
 */
import { ChannelClosedError } from "../tasks/errors.ts";
import type { Isolate } from "./isolate.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { CLOSED, type Waited, Waiter } from "./waiter.ts";

/** What an attempt says, besides DONE and CLOSED. */
export const NOT_YET = 0;

// What a waiter is doing.
export const RECEIVE = 1;
/** Of `for await`. */
export const NEXT = 2;
export const SEND = 3;

export abstract class ChannelLife implements Waited {
  readonly isolate: Isolate;
  readonly capacity: number;
  /** One for all that were parked here, maybe a million: where it was made tells none of them anything. */
  #closedMeanwhile: Error | undefined = undefined;

  constructor(isolate: Isolate, capacity: number) {
    this.isolate = isolate;
    this.capacity = capacity;
  }

  abstract readonly name: string;
  /** For the order in which a select locks: 0 if there is nothing to lock. */
  abstract readonly object: number;
  abstract readonly length: number;
  abstract readonly isClosed: boolean;
  abstract lock(): void;
  abstract unlock(): void;
  /** A value ready to be sent. Throws a DataCloneError. The lock is not held. */
  abstract stage(value: unknown): unknown;
  /** It was not sent. */
  abstract unstage(staged: unknown): void;
  abstract attemptReceive(): number;
  abstract attemptSend(staged: unknown): number;
  /** What was received by the last attempt that was done. Wakes whom it concerns. */
  abstract collect(): unknown;
  /** The lock is held, and a record is reserved. */
  abstract enqueue(waiter: Waiter, staged: unknown): void;
  abstract withdraw(waiter: Waiter): boolean;
  abstract ended(waiter: Waiter, outcome: number): void;
  abstract close(): void;

  /** Before the lock: an operation may park, or why it may not. */
  abstract tryReserve(): RangeError | undefined;

  receive(role: typeof RECEIVE | typeof NEXT, signal?: AbortSignal): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    reserveStack();
    const refusal = this.tryReserve();
    if (refusal !== undefined) return this.#receiveAtOnce(role, refusal);
    this.lock();
    const outcome = this.attemptReceive();
    if (outcome === NOT_YET) return this.#park(role, undefined, signal);
    this.unlock();
    if (outcome === CLOSED) return role === NEXT ? this.isolate.doneWith(END) : Promise.reject(this.closed());
    const value = this.collect();
    return this.isolate.doneWith(role === NEXT ? { value, done: false } : value);
  }

  send(value: unknown, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    reserveStack();
    const staged = this.stage(value);
    let refusal: RangeError | undefined;
    try {
      // Not before: a channel or a mutex in the value may have moved to the arena, with records for all who wait there.
      refusal = this.tryReserve();
    } catch (error) {
      this.unstage(staged);
      throw error;
    }
    if (refusal !== undefined) return this.#sendAtOnce(staged, refusal);
    this.lock();
    const outcome = this.attemptSend(staged);
    if (outcome === NOT_YET) return this.#park(SEND, staged, signal);
    this.unlock();
    if (outcome === CLOSED) {
      this.unstage(staged);
      return Promise.reject(this.closed());
    }
    this.collect();
    return this.isolate.done();
  }

  /** Nothing can park: the arena is full, perhaps of those who wait for just this. */
  #sendAtOnce(staged: unknown, refusal: RangeError): Promise<void> {
    return this.offer(staged) ? this.isolate.done() : Promise.reject(refusal);
  }

  #receiveAtOnce(role: typeof RECEIVE | typeof NEXT, refusal: RangeError): Promise<unknown> {
    const received = this.tryReceive();
    if (received === undefined) return Promise.reject(refusal);
    if (role === NEXT) return this.isolate.doneWith(received.done ? END : received);
    return received.done ? Promise.reject(this.closed()) : this.isolate.doneWith(received.value);
  }

  #park<T>(role: number, staged: unknown, signal: AbortSignal | undefined): Promise<T> {
    const waiter = new Waiter(this, role);
    this.enqueue(waiter, staged);
    this.unlock();
    this.isolate.park(waiter);
    return waiter.start(signal);
  }

  trySend(value: unknown): boolean {
    reserveStack();
    return this.offer(this.stage(value));
  }

  /** Sends a value that is ready, if that takes no waiting. */
  offer(staged: unknown): boolean {
    this.lock();
    const outcome = this.attemptSend(staged);
    this.unlock();
    if (outcome === NOT_YET || outcome === CLOSED) this.unstage(staged);
    if (outcome === CLOSED) throw this.closed();
    if (outcome === NOT_YET) return false;
    this.collect();
    return true;
  }

  tryReceive(): { value: unknown; done: false } | { value: undefined; done: true } | undefined {
    reserveStack();
    this.lock();
    const outcome = this.attemptReceive();
    this.unlock();
    if (outcome === NOT_YET) return undefined;
    return outcome === CLOSED ? { value: undefined, done: true } : { value: this.collect(), done: false };
  }

  /** The isolate has what the operation ended with. */
  settle(waiter: Waiter, outcome: number, value: unknown): void {
    if (waiter.selection !== undefined) waiter.selection.won(waiter, outcome, value);
    else if (outcome !== CLOSED) waiter.resolve(waiter.role === NEXT ? { value, done: false } : value);
    else if (waiter.role === NEXT) waiter.resolve(END);
    else waiter.reject(this.#closedMeanwhile ??= this.closed());
  }

  closed(): Error {
    return this.isolate.closed?.() ?? new ChannelClosedError(`${this.name} is closed.`);
  }

  describe(waiter: Waiter): string {
    return `${waiter.role === SEND ? "send to" : "receive from"} ${this.name}`;
  }
}

export const END: IteratorReturnResult<undefined> = Object.freeze({ value: undefined, done: true as const });
