/**
 * What is behind a mutex. As a channel it begins as plain objects of the isolate that made it, and moves to the arena when it
 * is passed on.
 *
 * In the arena one word says all of it while nobody waits: L_HOLDER is 0, or the holder's isolate plus 1, and locking
 * and unlocking are one CAS each. MUTEX_WAITED is added to it, under the object's lock, by who is about to queue; from then on
 * both CAS fail, and who unlocks gives the mutex to who has waited longest.
 */
import { reject } from "../tasks/promise.ts";
import { POISONED, SUCCEEDED } from "./outcome.ts";
import { cas, load, store } from "../arena/atomics.ts";
import type { Handle } from "../codec/handle.ts";
import { Arrived, MUTEX, type Shareable } from "./handles.ts";
import { type Isolate, isolateOf, type LocalPlace } from "./isolate.ts";
import {
  L_HOLDER,
  MUTEX_DEAD,
  MUTEX_WAITED,
  O_FIRST_QUEUE,
  W_ISOLATE,
  W_OUTCOME,
} from "../arena/layout/object.ts";
import { releaseLater, reserveStack } from "../codec/stack_reserve.ts";
import { writeName } from "./object_name.ts";
import { enqueue, leaveQueue, LocalQueue, unlink } from "./wait_queue.ts";
import { type Waited, Waiter } from "./waiter.ts";
import { signalOf, type WaitOptions } from "../tasks/options.ts";

const LOCK = 1;
const FREE = 0;

// The states of a mutex in an isolate. In the first three that one knows it alone.
const UNLOCKED = 0;
/** Nobody waits. */
const HELD = 1;
/** Somebody waits, or did and was taken back. */
const CONTENDED = 2;
/** The arena says how it is. */
const SHARED = 3;
type State = typeof UNLOCKED | typeof HELD | typeof CONTENDED | typeof SHARED;

/** What unlocks, by `using`. It is one for all who lock in turn, so it is disposed of once for each lock. */
class MutexGuard implements Disposable {
  readonly #mutex: MutexCore;

  constructor(mutex: MutexCore) {
    this.#mutex = mutex;
  }

  [Symbol.dispose](): void {
    this.#mutex.giveBack();
  }
}

export class MutexCore implements Waited, Shareable, LocalPlace {
  readonly isolate: Isolate;
  /** An operation that waits keeps it. */
  readonly handle: Handle;
  readonly #guard: MutexGuard;
  readonly #ready: Promise<Disposable>;
  #state: State = UNLOCKED;
  /** In the state SHARED. */
  #object = 0;
  readonly #waiters = new LocalQueue<Waiter>();
  listed = 0;

  constructor(handle: Handle, home: unknown) {
    if (home instanceof Arrived) this.#share(home.object);
    this.isolate = isolateOf(home, "new Mutex");
    this.handle = handle;
    this.#guard = new MutexGuard(this);
    this.#ready = Promise.resolve(this.#guard);
  }

  get isLocked(): boolean {
    if (this.#state !== SHARED) return this.#state !== UNLOCKED;
    return load(this.isolate.words, this.#object + L_HOLDER) !== FREE;
  }

  lock(options: WaitOptions | undefined): Promise<Disposable> {
    if (options === undefined && this.#state === UNLOCKED && --this.isolate.budget > 0) {
      this.#state = HELD;
      return this.#ready;
    }
    return this.#lock(signalOf(options));
  }

  #lock(signal: AbortSignal | undefined): Promise<Disposable> {
    const { isolate } = this;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#state === SHARED) {
      // No call follows the one that locks.
      if (
        --isolate.budget > 0 && cas(isolate.words, this.#object + L_HOLDER, FREE, isolate.number + 1)
      ) {
        return this.#ready;
      }
      reserveStack();
      return this.#lockSlowly(signal);
    }
    reserveStack();
    if (this.#state !== UNLOCKED) return this.#wait(signal);
    this.#state = HELD;
    return isolate.doneWith(this.#guard);
  }

  tryLock(): Disposable | undefined {
    reserveStack();
    if (this.#state === UNLOCKED) {
      this.#state = HELD;
      return this.#guard;
    }
    if (this.#state !== SHARED) return undefined;
    const { words, number } = this.isolate;
    if (cas(words, this.#object + L_HOLDER, FREE, number + 1)) return this.#guard;
    if (load(words, this.#object + L_HOLDER) === MUTEX_DEAD) throw this.isolate.poisoned(this.#name);
    return undefined;
  }

  unlock(): void {
    if (this.#state === HELD) this.#state = UNLOCKED;
    else this.#unlock();
  }

  /** By `using`. */
  giveBack(): void {
    try {
      this.unlock();
    } catch (error) {
      releaseLater(error, () => this.unlock());
    }
  }

  #unlock(): void {
    if (this.#state === UNLOCKED) throw this.#notHeld();
    if (this.#state === SHARED) {
      const { words, number } = this.isolate;
      if (!cas(words, this.#object + L_HOLDER, number + 1, FREE)) this.#unlockSlowly();
      return;
    }
    reserveStack();
    const next = this.#waiters.shift();
    if (next === undefined) this.#state = UNLOCKED;
    else this.isolate.complete(next, SUCCEEDED);
  }

  #wait(signal: AbortSignal | undefined): Promise<Disposable> {
    const waiter = new Waiter(this, LOCK);
    this.#waiters.push(waiter);
    this.#state = CONTENDED;
    if (this.listed === 0) this.isolate.list(this);
    this.isolate.park(waiter);
    return waiter.start(signal);
  }

  #lockSlowly(signal: AbortSignal | undefined): Promise<Disposable> {
    const { isolate } = this;
    const { words } = isolate;
    const holder = this.#object + L_HOLDER;
    try {
      isolate.records.reserve();
    } catch (error) {
      return Promise.reject(error);
    }
    isolate.objectLocks.lock(this.#object);
    for (;;) {
      const word = load(words, holder);
      if (word === MUTEX_DEAD) {
        isolate.objectLocks.unlock(this.#object);
        return Promise.reject(this.isolate.poisoned(this.#name));
      }
      // Only under the object's lock is MUTEX_WAITED added or taken away, so once it is there nothing changes the word.
      if (word === FREE ? cas(words, holder, FREE, isolate.number + 1) : (word & MUTEX_WAITED) !== 0) {
        break;
      }
      if (word !== FREE && cas(words, holder, word, word | MUTEX_WAITED)) break;
    }
    if (load(words, holder) === isolate.number + 1) {
      isolate.objectLocks.unlock(this.#object);
      return isolate.doneWith(this.#guard);
    }
    const waiter = new Waiter(this, LOCK);
    this.#enqueue(waiter);
    isolate.objectLocks.unlock(this.#object);
    isolate.park(waiter);
    return waiter.start(signal);
  }

  /** Under the object's lock. */
  #enqueue(waiter: Waiter): void {
    const { words, records } = this.isolate;
    records.assign(waiter);
    enqueue(words, this.#object, O_FIRST_QUEUE, waiter.record);
  }

  /** Somebody waits, or this thread does not hold it. */
  #unlockSlowly(): void {
    const { isolate } = this;
    const { words } = isolate;
    const object = this.#object;
    reserveStack();
    isolate.objectLocks.lock(object);
    const word = load(words, object + L_HOLDER);
    if (word !== (isolate.number + 1 | MUTEX_WAITED)) {
      isolate.objectLocks.unlock(object);
      throw word === MUTEX_DEAD ? this.isolate.poisoned(this.#name) : this.#notHeld();
    }
    const record = words[object + O_FIRST_QUEUE];
    if (record !== 0) {
      unlink(words, object, record);
      words[record + W_OUTCOME] = SUCCEEDED;
      const isLast = words[object + O_FIRST_QUEUE] === 0;
      store(words, object + L_HOLDER, words[record + W_ISOLATE] + 1 | (isLast ? 0 : MUTEX_WAITED));
    } else {
      store(words, object + L_HOLDER, FREE);
    }
    isolate.objectLocks.unlock(object);
    if (record !== 0) isolate.ready(record);
  }

  withdraw(waiter: Waiter): boolean {
    return waiter.record === 0 ? leaveQueue(waiter) : this.isolate.withdraw(waiter, this.#object);
  }

  completed(waiter: Waiter, outcome: number): void {
    this.isolate.unparked(waiter);
    if (outcome === POISONED) reject(waiter, this.isolate.poisoned(this.#name));
    else waiter.resolve(this.#guard);
  }

  get hasWaiting(): boolean {
    return this.#waiters.first !== undefined;
  }

  *waiting(): Generator<Waiter> {
    yield* this.#waiters;
  }

  describe(_waiter: Waiter): string {
    const holder = this.#state !== SHARED
      ? this.isolate.number + 1
      : load(this.isolate.words, this.#object + L_HOLDER) & ~MUTEX_WAITED;
    return `lock ${this.#name}, which thread ${holder - 1} holds`;
  }

  get #name(): string {
    return this.#state !== SHARED ? "a mutex of this thread" : `mutex ${this.#object >> 4}`;
  }

  #notHeld(): Error {
    return new Error(`unlock(): this thread does not hold ${this.#name}.`);
  }

  share(): number {
    if (this.#state === SHARED) return this.#object;
    reserveStack();
    const { isolate } = this;
    const waiters = [...this.#waiters];
    isolate.records.reserve(waiters.length);
    const object = isolate.handles.create(MUTEX, 0);
    writeName(isolate, object, this.handle);
    const held = this.#state === UNLOCKED ? FREE : isolate.number + 1;
    isolate.words[object + L_HOLDER] = held | (waiters.length > 0 ? MUTEX_WAITED : 0);
    this.#share(object);
    for (const waiter of waiters) {
      leaveQueue(waiter);
      this.#enqueue(waiter);
    }
    isolate.unlist(this);
    isolate.objectLocks.appear(object);
    isolate.handles.adopt(object, this.handle);
    return object;
  }

  #share(object: number): void {
    this.#state = SHARED;
    this.#object = object;
  }
}
