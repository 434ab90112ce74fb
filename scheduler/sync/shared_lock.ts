/**
 * What the locks have in common: an object of the arena with a few counts, and one queue of parked operations. What is
 * given goes to who has waited longest, and nobody overtakes the queue, so nobody starves.
 *
 * The state is plain memory under the object's lock. An isolate that holds something is counted (`held`), so that the
 * host can poison what a dead thread held: all that wait then, or come later, hear of it instead of waiting for ever.
 */
import { ThreadDiedError } from "../tasks/errors.ts";
import type { Handle } from "../codec/handle.ts";
import { Arrived, isolateOf, type Kind, knowHandle, type Shareable } from "./handles.ts";
import type { Isolate } from "./isolate.ts";
import { O_ENDED, O_FIRST_QUEUE, W_DEMAND, W_ISOLATE, W_OBJECT, W_OUTCOME } from "../arena/memory_layout.ts";
import { releaseLater, reserveStack } from "../codec/stack_reserve.ts";
import { enqueue, unlink } from "./wait_queue.ts";
import { DONE, POISONED, type Waited, Waiter } from "./waiter.ts";

/** What `attempt` says, besides DONE. */
export const NOT_YET = 0;

/** What a lock gives to who has it. Releases once. */
export class Held implements Disposable {
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

  constructor(handle: Handle, home: unknown, kind: Kind) {
    this.handle = handle;
    const isolate = this.isolate = isolateOf(home, `new ${handle.constructor.name}`);
    this.words = isolate.words;
    if (home instanceof Arrived) {
      this.object = home.object;
      return;
    }
    reserveStack();
    this.object = isolate.handles.create(kind, isolate.arena.numbers + 1);
    isolate.handles.adopt(this.object, handle);
  }

  share(): number {
    return this.object;
  }

  /**
   * Under the lock: does what the demand asks for, and says DONE; or NOT_YET. A demand is what the lock makes of it. Unless
   * a lock says otherwise, what can be granted at once is, if nobody waits.
   */
  attempt(demand: number): number {
    return this.isQueueEmpty && this.grant(demand, this.isolate.number) ? DONE : NOT_YET;
  }

  /** Under the lock: whether the first demand in the queue, an isolate's, can be met; then it is. */
  abstract grant(demand: number, isolate: number): boolean;
  /** What the operation resolves with. `outcome` is what `attempt` said, or DONE for one that has waited. */
  abstract result(demand: number, hasWaited: boolean, outcome: number): unknown;
  /** Under the lock: one that waited was taken back. */
  withdrawn(): void {}

  get name(): string {
    return `${this.handle.constructor.name} ${this.object >> 4}`;
  }

  get isQueueEmpty(): boolean {
    return this.words[this.object + O_FIRST_QUEUE] === 0;
  }

  /** Counts what an isolate holds. Under the lock. */
  hold(isolate: number, amount: number): void {
    this.words[this.object + this.isolate.handles.bodyAt + isolate] += amount;
  }

  take<T>(demand: number, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { isolate, words, object } = this;
    let refusal: RangeError | undefined;
    try {
      reserveStack();
      refusal = isolate.tryReserve();
    } catch (error) {
      return Promise.reject(error);
    }
    isolate.lock(object);
    const outcome = words[object + O_ENDED] === 1 ? POISONED : this.attempt(demand);
    if (outcome === NOT_YET && refusal !== undefined) {
      this.withdrawn();
      isolate.unlock(object);
      return Promise.reject(refusal);
    }
    if (outcome === NOT_YET) {
      const waiter = new Waiter(this, demand);
      const record = isolate.takeRecord();
      isolate.useRecord(waiter, record);
      words[record + W_DEMAND] = demand;
      words[record + W_OBJECT] = object;
      enqueue(words, object, O_FIRST_QUEUE, record);
      isolate.unlock(object);
      isolate.park(waiter);
      return waiter.start<T>(signal);
    }
    isolate.unlock(object);
    if (outcome === POISONED) return Promise.reject(this.poisoned());
    this.#wakeEnded();
    return isolate.doneWith(this.result(demand, false, outcome) as T);
  }

  takeNow(demand: number): boolean {
    reserveStack();
    const { isolate, words, object } = this;
    isolate.lock(object);
    const isPoisoned = words[object + O_ENDED] === 1;
    const outcome = isPoisoned ? POISONED : this.attempt(demand);
    isolate.unlock(object);
    if (isPoisoned) throw this.poisoned();
    return outcome === DONE;
  }

  /** Changes the state under the lock, then ends whose turn it is. What `change` returns is thrown. */
  change(change: () => Error | void): void {
    const { isolate, object } = this;
    reserveStack();
    isolate.lock(object);
    const error = change();
    isolate.unlock(object);
    if (error instanceof Error) throw error;
    this.#wakeEnded();
    this.#serve();
  }

  /** Under the lock, by `attempt` or a change: all that wait are done. They are woken after the unlock. */
  endAll(outcome: number): void {
    const { words, object } = this;
    for (let record = words[object + O_FIRST_QUEUE]; record !== 0; record = words[object + O_FIRST_QUEUE]) {
      unlink(words, object, record);
      words[record + W_OUTCOME] = outcome;
      this.#ended.push(record);
    }
  }

  readonly #ended: number[] = [];

  #wakeEnded(): void {
    if (this.#ended.length !== 0) { for (const record of this.#ended.splice(0)) this.isolate.wake(record); }
  }

  /** A word of the state. */
  look(word: number): number {
    const { isolate, object } = this;
    reserveStack();
    isolate.lock(object);
    const value = this.words[object + word];
    isolate.unlock(object);
    return value;
  }

  /** One at a time, each woken outside of the lock. */
  #serve(): void {
    const { isolate, object } = this;
    for (;;) {
      isolate.lock(object);
      const record = this.next();
      isolate.unlock(object);
      if (record === 0) return;
      isolate.wake(record);
    }
  }

  /** Under the lock: takes the first operation out of the queue, if it can be granted what it wants. 0: there is none. */
  next(): number {
    const { words, object } = this;
    const record = words[object + O_FIRST_QUEUE];
    if (record === 0 || !this.grant(words[record + W_DEMAND], words[record + W_ISOLATE])) return 0;
    unlink(words, object, record);
    words[record + W_OUTCOME] = DONE;
    return record;
  }

  withdraw(waiter: Waiter): boolean {
    const { isolate, object } = this;
    isolate.lock(object);
    const isOurs = unlink(this.words, object, waiter.record);
    if (isOurs) this.withdrawn();
    isolate.unlock(object);
    // It may have been in the way of those behind it.
    if (isOurs) this.#serve();
    return isOurs;
  }

  ended(waiter: Waiter, outcome: number): void {
    this.isolate.unparked(waiter);
    if (outcome === POISONED) waiter.reject(this.poisoned());
    else waiter.resolve(this.result(waiter.role, true, DONE));
  }

  poisoned(): Error {
    return this.isolate.closed?.() ??
      new ThreadDiedError(
        `${this.name} cannot be used any more: a thread died that held it, and what it guards may be half done. Make a new one.`,
      );
  }

  describe(_waiter: Waiter): string {
    return `wait for ${this.name}`;
  }
}

/** Says how handles of a kind of lock that arrive are made. */
export function knowLock(kind: Kind, make: (home: never) => Handle): void {
  knowHandle(kind, (isolate, object) => make(new Arrived(isolate, object) as never));
}
