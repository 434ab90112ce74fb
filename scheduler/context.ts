/** What a running task gets as its first argument, and the G that it is. */
import { type HasIsolate, HOME } from "./home.ts";
import type { Isolate } from "./isolate.ts";
import type { Machine } from "./machine.ts";
import { type Names, requireOptions } from "./options.ts";
import type { Owned } from "./owner.ts";
import { type Scope, type ScopeOptions, TaskScope } from "./scope.ts";
import { reserveStack } from "./stack_reserve.ts";
import type { Holds, ThreadLock } from "./thread_lock.ts";
import { Ticker } from "./ticker.ts";
import { abort } from "./task_signal.ts";
import { requireMs, type Timer } from "./timers.ts";
import {
  type Call,
  type Caller,
  type ChildTask,
  type Definition,
  type GoOptions,
  promiseOf,
  Rejection,
  type Resolver,
  type Task,
} from "./task.ts";

/**
 * A running task's view of the scheduler: the first parameter of every task function. It stays valid as long as the
 * task runs; do not hand it to others.
 */
export interface TaskContext {
  /** Unique within the scheduler. */
  readonly id: number;
  /** The kernel's number of the thread that the task is bound to, as in `/proc/self/task`. */
  readonly tid: number;
  /**
   * Aborted when the task is cancelled. Pass it on to `fetch` and the like. A task that computes without an `await`
   * looks at `signal.aborted`, which asks for news as {@linkcode TaskContext.shouldYield} does, or calls
   * `signal.throwIfAborted()`. Signals that were made from it (`AbortSignal.any`) do not ask.
   */
  readonly signal: AbortSignal;
  /**
   * Whether a task that computes should let go of its thread: it has run for `sliceMs` since its last
   * `await`, or it was cancelled. The slice is measured from the first look after an `await`, so look often. A look
   * takes about 50 ns.
   */
  readonly shouldYield: boolean;
  /**
   * Starts a child task. It runs on this thread, unless another one is hungry and steals it before it has started.
   * Throws a `DataCloneError` if an argument cannot be copied.
   */
  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  /** Lets other tasks run first. Rejects with the reason if the task was cancelled, as `sleep` and `wait` do. */
  yield(): Promise<void>;
  /**
   * Resolves after `ms` milliseconds, of which fractions count: to about a tenth of one, if the thread has time. Other tasks
   * run meanwhile.
   */
  sleep(ms: number): Promise<void>;
  /**
   * The numbers 1, 2, 3 and so on, one every `ms` milliseconds, of which fractions count. Ticks that nobody waits for are
   * dropped: then the next number is larger. Ends with the reason if the task was cancelled.
   */
  ticker(ms: number): AsyncIterableIterator<number>;
  /**
   * Runs `body`, which starts children in the scope, and resolves with what it returns once they all have ended. The first
   * failure, of a child or of `body`, cancels the others and is what the scope rejects with. So does the
   * cancellation of this task, by its timeout too: it passes down to all that was started here.
   *
   * The scope waits for children that were cancelled until they have really stopped.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { go } from "@heddle/heddle";
   * import { sumInParts } from "./tasks.ts";
   *
   * // sumInParts calls ctx.scope((scope) => Promise.all(parts.map((part) => scope.go(sum(...part))))).
   * assertEquals(await go(sumInParts(0, 1000, 4)), 499_500);
   * ```
   */
  scope<T>(body: (scope: Scope) => T | Promise<T>, options?: ScopeOptions): Promise<T>;
  /**
   * Awaits a promise of the world outside (a `fetch`, a timer), and goes on only once the thread holds a P again. After
   * a plain `await` of such a promise the task goes on at once, even if `procs` threads are running.
   */
  wait<T>(promise: PromiseLike<T>): Promise<T>;
  /**
   * Runs `fn`, which makes a synchronous call that may block in the kernel: a foreign function, a `Deno.*Sync`. Returns
   * what it returns and throws what it throws. If the call lasts, the P that the task holds goes to another thread, and
   * the task goes on once it has one again; other tasks that have begun on this thread have to wait. If the call is quick,
   * all this takes about 30 ns. Inside of `fn`, and on a dedicated thread, `blocking` only calls its function.
   *
   * After Go's entersyscall and exitsyscall: the P is taken after 20 us at the least, and later if nobody needs it.
   *
   * @throws {TypeError} if `fn` returns a promise: it has not blocked then. `await` it instead.
   */
  blocking<T>(fn: () => T, options?: BlockingOptions): T;
  /**
   * Keeps other tasks from this thread: it starts no others until `unlockOSThread()` was called as often, and tasks that
   * this one starts run elsewhere. Tasks that had begun here go on here. If the task ends while it has the lock, so does
   * the thread: use that for threads whose state should not come back to the pool.
   *
   * The task itself is bound to its thread in any case. As Go's `runtime.LockOSThread`.
   *
   * @throws {RangeError} if all `maxThreads` threads are in use, and the pool needs this one.
   * @throws {Error} if the task has ended.
   */
  lockOSThread(): void;
  /**
   * Undoes one `lockOSThread()`. Nothing happens without one, as in Go.
   *
   * @throws {Error} if it is another task that has locked the thread, or this one has ended.
   */
  unlockOSThread(): void;
  /**
   * Makes this thread the task's own, as `sched.dedicate()` does from the start: it is exempt from `procs`, so another
   * thread runs tasks in its place; it may block and compute as it likes, and is woken directly. Implies
   * `lockOSThread()`. Calls nest.
   *
   * After the `DedicateOSThread` that was proposed for Go (gVisor, 2020).
   *
   * @throws {RangeError} if all `maxThreads` threads are in use, and the pool needs this one.
   * @throws {Error} inside of `blocking`, or if the task has ended.
   */
  dedicate(): void;
  /**
   * Undoes one `dedicate()`. The last one waits until the thread has a P of the pool again, and gives the thread back
   * for reuse, unless it was started with an affinity or a nice value of its own: then it ends with the task.
   *
   * @throws {Error} if the thread is not dedicated to this task, inside of `blocking`, or if the task has ended.
   */
  undedicate(): void;
}

/** Options of {@linkcode TaskContext.blocking}. */
export interface BlockingOptions {
  /** The call is known to block: the P goes on at once (Go's entersyscallblock). Default: false. */
  handOff?: boolean;
}

const BLOCKING_OPTIONS = { handOff: true } satisfies Names<BlockingOptions>;

function refusePromise(result: unknown): void {
  if (!(result instanceof Promise)) return;
  throw new TypeError(
    "ctx.blocking() got a function that returns a promise: give one that blocks, or await the promise.",
  );
}

function nobody(): never {
  throw new Error("Heddle: a G without a caller was settled.");
}

/**
 * A G's wait for a time, for its turn or for a promise outside: resolved by `fire`, under a P, or rejected by a
 * cancellation. It is its own timer, since sleeping Gs come in hundreds of thousands.
 */
export class Wait implements Timer, Resolver {
  readonly at: number;
  place = 0;
  resolve: (value?: unknown) => void = nobody;
  /** Undefined once it has ended. */
  g: G | undefined;
  /** Its neighbours in the G's list. */
  before: Wait | undefined = undefined;
  after: Wait | undefined;

  constructor(g: G, at = 0) {
    this.at = at;
    this.g = g;
    this.after = g.waits;
    if (this.after) this.after.before = this;
    g.waits = this;
    if (at !== 0) g.machine.sleeping++;
  }

  /** It has ended, in either way. */
  get cancelled(): boolean {
    return this.g === undefined;
  }

  fire(): void {
    if (unlink(this)) this.resolve();
  }

  end(reason: unknown): void {
    const g = this.g;
    if (!unlink(this)) return;
    if (this.at !== 0) g!.machine.stopTimer(this);
    this.resolve(new Rejection(reason));
  }
}

/** False: it has ended before. */
function unlink(wait: Wait): boolean {
  const { g } = wait;
  if (g === undefined) return false;
  if (wait.before) wait.before.after = wait.after;
  else g.waits = wait.after;
  if (wait.after) wait.after.before = wait.before;
  if (wait.at !== 0) g.machine.sleeping--;
  wait.g = undefined;
  return true;
}

/** Of `outstanding`: whatever its children do, it stays below 0. */
export const ENDED = -(2 ** 29);

/** What waits for children that it started: a scope. */
export interface Nursery {
  /** A child's promise rejects, since it failed or was cancelled. As that happens: who awaits the child hears of it later. */
  failed(reason: unknown): void;
  /** A child has stopped, whatever its promise did before; if it fails by that, `failed` came first. */
  stopped(child: ChildTask): void;
}

/** What few Gs need, so that the others are small. */
interface Rare {
  cancelled: boolean;
  reason: unknown;
  /** The caller's: undoes what `signal` and `timeout` set up. */
  release: (() => void) | undefined;
  /** The caller's. */
  nursery: Nursery | undefined;
  controller: AbortController | undefined;
  holds: Holds | undefined;
  /** The M's tick at the last look at shouldYield, and the time at the first one in that tick. */
  sliceTick: number;
  sliceStart: number;
}

/**
 * One task on the M where it was started, or where it runs, or both. A G that is stolen has two: the caller's and the
 * runner's, which know each other by the slot.
 */
export class G implements TaskContext, HasIsolate, Caller, Owned, Resolver {
  readonly machine: Machine;
  readonly definition: Definition | undefined;
  readonly id: number;
  args: readonly unknown[] | undefined;
  /** Set in the caller's G. */
  resolve: (value: unknown) => void = nobody;
  /** The caller's. */
  promise: ChildTask | undefined = undefined;
  /** -1 while it is private to this M. */
  slot: number;
  rare: Rare | undefined = undefined;
  /** The caller's: who started it, until it has settled there. */
  parent: G | undefined = undefined;
  /** Children that have not settled. Below 0 once it has ended where it ran, and stays there. */
  outstanding = 0;
  /** What a cancellation ends: its yields, sleeps and waits, as a list. */
  waits: Wait | undefined = undefined;

  constructor(
    machine: Machine,
    definition: Definition | undefined,
    id: number,
    args: readonly unknown[] | undefined,
    slot: number,
  ) {
    this.machine = machine;
    this.definition = definition;
    this.id = id;
    this.args = args;
    this.slot = slot;
  }

  get [HOME](): Isolate {
    return this.machine.home;
  }

  get tid(): number {
    return this.machine.tid;
  }

  get signal(): AbortSignal {
    const rare = rareOf(this);
    if (rare.controller === undefined) {
      reserveStack();
      rare.controller = this.machine.signals.controller();
      // Nobody listens yet.
      if (rare.cancelled) rare.controller.abort(rare.reason);
    }
    return rare.controller.signal;
  }

  get shouldYield(): boolean {
    this.machine.readMailInTask();
    const rare = rareOf(this);
    if (rare.cancelled) return true;
    const now = performance.now();
    if (rare.sliceTick !== this.machine.tick) {
      rare.sliceTick = this.machine.tick;
      rare.sliceStart = now;
    }
    if (now - rare.sliceStart < this.machine.sliceMs) return false;
    this.machine.runner.tellStack();
    return true;
  }

  go<R>(call: Call<R>, options?: GoOptions): Task<R> {
    return this.machine.children.start(this, call, options) as unknown as Task<R>;
  }

  yield(): Promise<void> {
    if (this.rare?.cancelled) return Promise.reject(this.rare.reason);
    reserveStack();
    const wait = new Wait(this);
    this.machine.resumeLater(wait);
    return promiseOf(wait) as Promise<void>;
  }

  sleep(ms: number): Promise<void> {
    return sleepUntil(this, performance.now() + requireMs("ctx.sleep", ms));
  }

  ticker(ms: number): AsyncIterableIterator<number> {
    return new Ticker(ms, (at) => sleepUntil(this, at));
  }

  scope<T>(body: (scope: Scope) => T | Promise<T>, options: ScopeOptions = {}): Promise<T> {
    return TaskScope.run(this, body, options);
  }

  wait<T>(promise: PromiseLike<T>): Promise<T> {
    if (this.rare?.cancelled) return Promise.reject(this.rare.reason);
    reserveStack();
    const outside = awaited(promise);
    const wait = new Wait(this);
    const ended = () => this.machine.resumeLater(wait);
    outside.then(ended, ended);
    return promiseOf(wait).then(() => outside);
  }

  blocking<T>(fn: () => T, options?: BlockingOptions): T {
    const { blockingCalls } = this.machine;
    if (options !== undefined) requireOptions("ctx.blocking", options, BLOCKING_OPTIONS);
    const result = options !== undefined && options.handOff === true
      ? blockingCalls.runHandingOff(fn)
      : blockingCalls.run(fn);
    if (typeof result === "object") refusePromise(result);
    return result;
  }

  lockOSThread(): void {
    reserveStack();
    this.#locked((lock) => lock.lock(this));
  }

  unlockOSThread(): void {
    reserveStack();
    this.#locked((lock) => lock.unlock(this));
  }

  dedicate(): void {
    reserveStack();
    this.#locked((lock) => lock.dedicate(this));
  }

  undedicate(): void {
    reserveStack();
    this.#locked((lock) => lock.undedicate(this));
  }

  #locked(change: (lock: ThreadLock) => void): void {
    if (this.outstanding < 0) {
      throw new Error(
        `Task #${this.id} has ended, and its context has no say over the thread any more: await what uses it.`,
      );
    }
    const { locks } = this.machine.home;
    locks.hold();
    try {
      change(this.machine.threadLock);
    } finally {
      locks.release();
    }
  }

  /** What it has of its thread. */
  get holds(): Holds {
    return rareOf(this).holds ??= { locks: 0, dedications: 0 };
  }

  cancel(reason: unknown): boolean {
    return this.machine.children.cancel(this, reason);
  }

  /** The caller's, while it is published. */
  get hasSettled(): boolean {
    return this.promise!.state === "cancelled";
  }

  /** The cancellation arrived where the task runs. */
  abort(reason: unknown): void {
    const rare = rareOf(this);
    if (rare.cancelled) return;
    rare.cancelled = true;
    rare.reason = reason;
    while (this.waits !== undefined) this.waits.end(reason);
    // At last: what listens is the task's, and does what it likes.
    const { controller } = rare;
    if (controller !== undefined) this.machine.home.locks.outside(() => abort(controller, reason));
  }

  set release(release: () => void) {
    rareOf(this).release = release;
  }

  set nursery(nursery: Nursery) {
    rareOf(this).nursery = nursery;
  }
}

/** No private method, which would take eight bytes of each G. */
function rareOf(g: G): Rare {
  return g.rare ??= {
    cancelled: false,
    reason: undefined,
    release: undefined,
    nursery: undefined,
    controller: undefined,
    holds: undefined,
    sliceTick: -1,
    sliceStart: 0,
  };
}

/** A promise of ours: the caller's may throw wherever it is looked at, or call back twice. */
async function awaited<T>(promise: PromiseLike<T>): Promise<T> {
  return await promise;
}

function sleepUntil(g: G, at: number): Promise<void> {
  if (g.rare?.cancelled) return Promise.reject(g.rare.reason);
  reserveStack();
  const wait = new Wait(g, at);
  g.machine.startTimer(wait);
  return promiseOf(wait) as Promise<void>;
}
