/**
 * What the locks have in common: an object of the arena with a few counts, and one queue of parked operations. What is
 * given goes to who has waited longest, and nobody overtakes the queue, so nobody starves.
 *
 * The state is plain memory under the object's lock. An isolate that holds something is counted (`held`), so that the
 * host can poison what a dead thread held: all that wait then, or come later, hear of it instead of waiting for ever.
 */
import { reject } from "../tasks/promise.ts";
import { POISONED, SUCCEEDED, WOULD_BLOCK } from "./outcome.ts";
import type { Handle } from "../codec/handle.ts";
import { Arrived, type Kind, type Shareable } from "./handles.ts";
import { type Isolate, isolateOf } from "./isolate.ts";
import {
  L_COUNT,
  L_LIMIT,
  O_ENDED,
  O_FIRST_QUEUE,
  W_DEMAND,
  W_ISOLATE,
  W_OUTCOME,
} from "../arena/layout/object.ts";
import { releaseLater, reserveStack } from "../codec/stack_reserve.ts";
import { writeName } from "./object_name.ts";
import { dequeueAll, enqueue, unlink } from "./wait_queue.ts";
import { type Waited, Waiter } from "./waiter.ts";

/** What unlocks, by `using`. Once. */
export class Guard implements Disposable {
  #release: (() => void) | undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  [Symbol.dispose](): void {
    const release = this.#release;
    if (release === undefined) return;
    try {
      release();
    } catch (error) {
      releaseLater(error, release);
    }
    this.#release = undefined;
  }
}

/** What is behind the handle of a lock. */
export abstract class SharedLock implements Waited, Shareable {
  readonly isolate: Isolate;
  readonly object: number;
  readonly words: Int32Array;

  /** An operation that waits keeps it. */
  readonly handle: Handle;

  /** `count` and `limit` are those that it begins with. */
  constructor(handle: Handle, home: unknown, kind: Kind, count = 0, limit = 0) {
    this.handle = handle;
    const isolate = this.isolate = isolateOf(home, `new ${handle.constructor.name}`);
    this.words = isolate.words;
    if (home instanceof Arrived) {
      this.object = home.object;
      return;
    }
    reserveStack();
    const object = this.object = isolate.handles.create(kind, isolate.arena.numbers + 1);
    this.words[object + L_COUNT] = count;
    this.words[object + L_LIMIT] = limit;
    writeName(isolate, object, handle);
    isolate.objectLocks.appear(object);
    isolate.handles.adopt(object, handle);
  }

  share(): number {
    return this.object;
  }

  /**
   * Under the lock: does what the demand asks for, and says SUCCEEDED; or WOULD_BLOCK. A demand is what the lock makes of it. Unless
   * a lock says otherwise, what can be granted at once is, if nobody waits.
   */
  attempt(demand: number): number {
    const isNext = this.words[this.object + O_FIRST_QUEUE] === 0;
    return isNext && this.grant(demand, this.isolate.number) ? SUCCEEDED : WOULD_BLOCK;
  }

  /** Under the lock: whether the first demand in the queue, an isolate's, can be met; then it is. */
  abstract grant(demand: number, isolate: number): boolean;
  /** What the operation resolves with: `waiter`, or one that has not waited. `outcome` is what `attempt` said, or SUCCEEDED. */
  abstract result(demand: number, waiter: Waiter | undefined, outcome: number): unknown;
  /** Under the lock: one that waited was taken back, or could not. */
  withdrawn(): void {}

  get name(): string {
    return `${this.handle.constructor.name} ${this.object >> 4}`;
  }

  /** Tells who hears of it that a task holds it now, or so many permits. */
  took(times: number, waiter: Waiter | undefined): void {
    this.isolate.meter.holds?.took(this, this.name, times, waiter);
  }

  /** That has been given back. Those whose turn it was then may have taken it already. */
  gave(times: number): void {
    this.isolate.meter.holds?.gave(this, times);
  }

  /** Counts what an isolate holds. Under the lock. */
  countHeld(isolate: number, amount: number): void {
    this.words[this.object + this.isolate.handles.bodyAt + isolate] += amount;
  }

  take<T>(demand: number, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { isolate, words, object } = this;
    let refusal: RangeError | undefined;
    try {
      reserveStack();
      refusal = isolate.records.tryReserve();
    } catch (error) {
      return Promise.reject(error);
    }
    isolate.objectLocks.lock(object);
    const outcome = words[object + O_ENDED] === 1 ? POISONED : this.attempt(demand);
    if (outcome === WOULD_BLOCK && refusal !== undefined) {
      this.withdrawn();
      isolate.objectLocks.unlock(object);
      return Promise.reject(refusal);
    }
    if (outcome === WOULD_BLOCK) {
      const waiter = new Waiter(this, demand);
      isolate.records.assign(waiter);
      words[waiter.record + W_DEMAND] = demand;
      enqueue(words, object, O_FIRST_QUEUE, waiter.record);
      isolate.objectLocks.unlock(object);
      isolate.park(waiter);
      return waiter.start<T>(signal);
    }
    isolate.objectLocks.unlock(object);
    if (outcome === POISONED) return Promise.reject(this.isolate.poisoned(this.name));
    this.#readyCompleted();
    return isolate.doneWith(this.result(demand, undefined, outcome) as T);
  }

  takeNow(demand: number): boolean {
    reserveStack();
    const { isolate, words, object } = this;
    isolate.objectLocks.lock(object);
    const isPoisoned = words[object + O_ENDED] === 1;
    const outcome = isPoisoned ? POISONED : this.attempt(demand);
    isolate.objectLocks.unlock(object);
    if (isPoisoned) throw this.isolate.poisoned(this.name);
    return outcome === SUCCEEDED;
  }

  /** Changes the state under the lock, then ends whose turn it is. What `change` returns is thrown. */
  change(change: () => Error | void): void {
    const { isolate, object } = this;
    reserveStack();
    isolate.objectLocks.lock(object);
    const error = change();
    isolate.objectLocks.unlock(object);
    if (error instanceof Error) throw error;
    this.#readyCompleted();
    this.#serve();
  }

  /** Under the lock, by `attempt` or a change: all that wait are done. They are woken after the unlock. */
  completeAll(): void {
    dequeueAll(this.words, this.object, SUCCEEDED, this.#completed);
  }

  readonly #completed: number[] = [];

  #readyCompleted(): void {
    if (this.#completed.length === 0) return;
    for (const record of this.#completed.splice(0)) this.isolate.ready(record);
  }

  /** Its count, whatever that is of. */
  get count(): number {
    return this.isolate.objectLocks.look(this.object, L_COUNT);
  }

  /** One at a time, each woken outside of the lock. */
  #serve(): void {
    const { isolate, object } = this;
    for (;;) {
      isolate.objectLocks.lock(object);
      const record = this.next();
      isolate.objectLocks.unlock(object);
      if (record === 0) return;
      isolate.ready(record);
    }
  }

  /** Under the lock: takes the first operation out of the queue, if it can be granted what it wants. 0: there is none. */
  next(): number {
    const { words, object } = this;
    const record = words[object + O_FIRST_QUEUE];
    if (record === 0 || !this.grant(words[record + W_DEMAND], words[record + W_ISOLATE])) return 0;
    unlink(words, object, record);
    words[record + W_OUTCOME] = SUCCEEDED;
    return record;
  }

  withdraw(waiter: Waiter): boolean {
    const { isolate, object } = this;
    isolate.objectLocks.lock(object);
    const isOurs = unlink(this.words, object, waiter.record);
    if (isOurs) this.withdrawn();
    isolate.objectLocks.unlock(object);
    // It may have been in the way of those behind it.
    if (isOurs) this.#serve();
    return isOurs;
  }

  completed(waiter: Waiter, outcome: number): void {
    this.isolate.unparked(waiter);
    if (outcome === POISONED) reject(waiter, this.isolate.poisoned(this.name));
    else waiter.resolve(this.result(waiter.role, waiter, SUCCEEDED));
  }

  describe(_waiter: Waiter): string {
    return `wait for ${this.name}`;
  }
}
