/** A G: one task on its M, and what that hands to the task's function. */
import type { BlockingOptions, TaskContext } from "../tasks/context.ts";
import { HOME } from "../tasks/home.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Machine } from "./machine.ts";
import { type Names, requireOptions } from "../tasks/options.ts";
import type { Owned } from "../slots/owner.ts";
import type { Scope, ScopeOptions } from "../tasks/scope.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Call, Definition, GoOptions, Task } from "../tasks/call.ts";
import {
  type Caller,
  type ChildTask,
  noPromise,
  promiseOf,
  reject,
  type Resolver,
} from "../tasks/promise.ts";
import { TaskScope } from "./task_scope.ts";
import { abort } from "./task_signal.ts";
import type { Holds, ThreadLock } from "./thread_lock.ts";
import { Ticker } from "./ticker.ts";
import { requireMs, type Timer } from "../queues/timers.ts";

const BLOCKING_OPTIONS = { handOff: true } satisfies Names<BlockingOptions>;

function refusePromise(result: unknown): void {
  if (!(result instanceof Promise)) return;
  throw new TypeError(
    "ctx.blocking() got a function that returns a promise: give one that blocks, or await the promise.",
  );
}

/**
 * A G's wait for a time, for its turn or for a promise outside: resolved by `fire`, under a P, or rejected by a
 * cancellation. It is its own timer, since sleeping Gs come in hundreds of thousands.
 */
export class Wait implements Timer, Resolver {
  readonly at: number;
  place = 0;
  resolve: (value?: unknown) => void = noPromise;
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
    reject(this, reason);
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
export class G implements TaskContext, Caller, Owned, Resolver {
  readonly machine: Machine;
  readonly definition: Definition | undefined;
  readonly id: number;
  args: readonly unknown[] | undefined;
  /** Set in the caller's G. */
  resolve: (value: unknown) => void = noPromise;
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
