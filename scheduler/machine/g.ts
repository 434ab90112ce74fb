/** A G: one task on its M, and what that hands to the task's function. */
import type { BlockingOptions, TaskContext } from "../tasks/context.ts";
import { HOME } from "../tasks/home.ts";
import type { Isolate, Loop } from "../sync/isolate.ts";
import { type Names, requireOptions, shown } from "../tasks/options.ts";
import type { Owned } from "../slots/owner.ts";
import { type PerThread, requirePerThread } from "../tasks/per_thread.ts";
import { USER_VISIBLE } from "../tasks/priority.ts";
import type { Scope, ScopeOptions } from "../tasks/scope.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { type Call, type Definition, type GoOptions, isCall, requireCall, type Task } from "../tasks/call.ts";
import type { StreamCall, StreamOptions, TaskStream } from "../tasks/stream.ts";
import { startStream } from "../sync/stream.ts";
import { readProgress } from "../tasks/progress.ts";
import { type Caller, type ChildTask, noPromise, reject, type Resolver } from "../tasks/promise.ts";
import { type Nursery, type Opener, TaskScope } from "./task_scope.ts";
import type { TaskSignals } from "./task_signal.ts";
import { Ticker } from "./ticker.ts";
import { requireMs } from "../queues/timers.ts";
import { endWaits, sleepUntil, type Wait, waitFor } from "./wait.ts";

/** What its M does for a G. */
export interface Services {
  readonly tid: number;
  /** Milliseconds that a G may compute before it should yield. */
  readonly sliceMs: number;
  /** What its tasks share with others. */
  readonly home: Isolate;
  readonly agenda: Loop & {
    /** Gs in `ctx.sleep`. */
    sleeping: number;
    /** One that yields: `goOn` is called with this when its turn comes. */
    giveTurn(g: G, resolve: (value: unknown) => void): void;
  };
  readonly mail: { readInTask(): void };
  readonly signals: TaskSignals;
  readonly children: {
    start(parent: G, call: Call<unknown>, options: GoOptions | undefined, nursery?: Nursery): ChildTask;
    cancel(child: G, reason: unknown): boolean;
  };
  readonly runner: {
    /** A task that should yield says where it is. */
    tellStack(): void;
    report(g: G, value: unknown): void;
    /** Its promise has settled. */
    ended(g: G, ok: boolean, value: unknown): void;
  };
  readonly calls: { run<T>(fn: () => T): T; runHandingOff<T>(fn: () => T): T };
  readonly threadLock: ThreadLock;
  readonly perThreads: {
    find(what: PerThread<unknown>): { readonly value: unknown } | undefined;
    open(what: PerThread<unknown>): Promise<unknown>;
  };
}

/** A G may have the thread in its hands. */
interface ThreadLock {
  lock(g: G): void;
  unlock(g: G): void;
  dedicate(g: G): void;
  undedicate(g: G): void;
}

const BLOCKING_OPTIONS = { handOff: true } satisfies Names<BlockingOptions>;

function refusePromise(result: unknown): void {
  if (!(result instanceof Promise)) return;
  throw new TypeError(
    "ctx.blocking() got a function that returns a promise: give one that blocks, or await the promise.",
  );
}

/** Of `outstanding`: whatever its children do, it stays below 0. */
export const ENDED = -(2 ** 29);

/** What one G holds of its thread; nested calls count. */
export interface Holds {
  locks: number;
  dedications: number;
}

/** What few Gs need, so that the others are small. */
interface Rare {
  cancelled: boolean;
  reason: unknown;
  priority: number;
  /** The caller's: undoes what `signal` and `timeout` set up. */
  release: (() => void) | undefined;
  /** The caller's. */
  nursery: Nursery | undefined;
  controller: AbortController | undefined;
  holds: Holds | undefined;
  /** The turn of the M's loop at the last look at shouldYield, and the time at the first one in that turn. */
  sliceTurn: number;
  sliceStart: number;
}

/**
 * One task on the M where it was started, or where it runs, or both. A G that is stolen has two: the caller's and the
 * runner's, which know each other by the slot.
 */
export class G implements TaskContext, Caller, Opener, Owned, Resolver {
  readonly services: Services;
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
  /** What a cancellation ends: its sleeps and waits, as a list. */
  waits: Wait | undefined = undefined;

  constructor(
    services: Services,
    definition: Definition | undefined,
    id: number,
    args: readonly unknown[] | undefined,
    slot: number,
  ) {
    this.services = services;
    this.definition = definition;
    this.id = id;
    this.args = args;
    this.slot = slot;
  }

  get [HOME](): Isolate {
    return this.services.home;
  }

  get tid(): number {
    return this.services.tid;
  }

  get signal(): AbortSignal {
    const rare = rareOf(this);
    if (rare.controller === undefined) {
      reserveStack();
      rare.controller = this.services.signals.controller();
      // Nobody listens yet.
      if (rare.cancelled) rare.controller.abort(rare.reason);
    }
    return rare.controller.signal;
  }

  get shouldYield(): boolean {
    const { home, mail, runner, sliceMs } = this.services;
    mail.readInTask();
    const rare = rareOf(this);
    if (rare.cancelled) return true;
    const now = performance.now();
    const { turn } = home.locks;
    if (rare.sliceTurn !== turn) {
      rare.sliceTurn = turn;
      rare.sliceStart = now;
    }
    if (now - rare.sliceStart < sliceMs) return false;
    runner.tellStack();
    return true;
  }

  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  go<T>(call: StreamCall<T>, options?: StreamOptions): TaskStream<T>;
  go(call: unknown, options?: GoOptions): unknown {
    if (isCall(call)) return this.services.children.start(this, call, options);
    return startStream("ctx.go", this, call, options, (feeding, options) => this.go(feeding, options));
  }

  start(call: Call<unknown>, options: GoOptions | undefined, nursery: Nursery): ChildTask {
    requireCall(call);
    return this.services.children.start(this, call, options, nursery);
  }

  yield(): Promise<void> {
    if (this.rare?.cancelled) return Promise.reject(this.rare.reason);
    reserveStack();
    const { agenda } = this.services;
    return new Promise((resolve) => agenda.giveTurn(this, resolve as (value: unknown) => void));
  }

  sleep(ms: number): Promise<void> {
    return sleep(this, performance.now() + requireMs("ctx.sleep", ms));
  }

  ticker(ms: number): AsyncIterableIterator<number> {
    return new Ticker(ms, (at) => sleep(this, at));
  }

  scope<T>(body: (scope: Scope) => T | Promise<T>, options: ScopeOptions = {}): Promise<T> {
    return TaskScope.run(this, body, options);
  }

  wait<T>(promise: PromiseLike<T>): Promise<T> {
    if (this.rare?.cancelled) return Promise.reject(this.rare.reason);
    return waitFor(this, promise);
  }

  use<T>(what: PerThread<T>): Promise<T> {
    requirePerThread("ctx.use", what);
    if (this.rare?.cancelled) return Promise.reject(this.rare.reason);
    reserveStack();
    const { perThreads } = this.services;
    const there = perThreads.find(what);
    return there === undefined
      ? this.wait(perThreads.open(what) as Promise<T>)
      : Promise.resolve(there.value as T);
  }

  used<T>(what: PerThread<T>): T {
    requirePerThread("ctx.used", what);
    const there = this.services.perThreads.find(what);
    if (there !== undefined) return there.value as T;
    throw new Error(
      `ctx.used: "${what.name}" is not open on this thread: await ctx.use(…) before, which opens it if need be.`,
    );
  }

  blocking<T>(fn: () => T, options?: BlockingOptions): T {
    const { calls } = this.services;
    if (options !== undefined) requireOptions("ctx.blocking", options, BLOCKING_OPTIONS);
    const result = options !== undefined && options.handOff === true
      ? calls.runHandingOff(fn)
      : calls.run(fn);
    if (typeof result === "object") refusePromise(result);
    return result;
  }

  span<T>(name: string, fn: () => T): T {
    if (typeof name !== "string") throw new TypeError(`ctx.span: the name is ${shown(name)}: give a string.`);
    const { locks, meter: { tracer } } = this.services.home;
    if (tracer === undefined) return fn();
    reserveStack();
    return tracer.region(name, this.id, fn, locks);
  }

  report(value: unknown): void {
    reserveStack();
    requireUnended(this, "nobody hears of what it reports");
    this.services.runner.report(this, value);
  }

  lockOSThread(): void {
    locked(this, (lock) => lock.lock(this));
  }

  unlockOSThread(): void {
    locked(this, (lock) => lock.unlock(this));
  }

  dedicate(): void {
    locked(this, (lock) => lock.dedicate(this));
  }

  undedicate(): void {
    locked(this, (lock) => lock.undedicate(this));
  }

  /** What it has of its thread. */
  get holds(): Holds {
    return rareOf(this).holds ??= { locks: 0, dedications: 0 };
  }

  /** The turn that it yielded for has come. */
  goOn(resolve: (value: unknown) => void): void {
    if (this.rare?.cancelled) reject({ resolve }, this.rare.reason);
    else resolve(undefined);
  }

  cancel(reason: unknown): boolean {
    return this.services.children.cancel(this, reason);
  }

  /** The caller's, of what the task has reported. */
  [Symbol.asyncIterator](): AsyncIterableIterator<unknown> {
    return readProgress(this, this.promise!);
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
    endWaits(this, reason);
    // At last: what listens is the task's, and does what it likes.
    const { controller } = rare;
    if (controller !== undefined) this.services.signals.abort(controller, reason);
  }

  /** Its children have the same, unless they are given another. */
  get priority(): number {
    return this.rare === undefined ? USER_VISIBLE : this.rare.priority;
  }

  set priority(priority: number) {
    if (priority !== this.priority) rareOf(this).priority = priority;
  }

  set release(release: () => void) {
    rareOf(this).release = release;
  }

  set nursery(nursery: Nursery) {
    rareOf(this).nursery = nursery;
  }
}

function requireUnended(g: G, so: string): void {
  if (g.outstanding >= 0) return;
  throw new Error(`Task #${g.id} has ended, and ${so}: await what uses it.`);
}

// No private methods, which would take eight bytes of each G.

function locked(g: G, change: (lock: ThreadLock) => void): void {
  reserveStack();
  requireUnended(g, "its context has no say over the thread any more");
  const { locks } = g.services.home;
  locks.hold();
  try {
    change(g.services.threadLock);
  } finally {
    locks.release();
  }
}

function rareOf(g: G): Rare {
  return g.rare ??= {
    cancelled: false,
    reason: undefined,
    priority: USER_VISIBLE,
    release: undefined,
    nursery: undefined,
    controller: undefined,
    holds: undefined,
    sliceTurn: -1,
    sliceStart: 0,
  };
}

function sleep(g: G, at: number): Promise<void> {
  if (g.rare?.cancelled) return Promise.reject(g.rare.reason);
  return sleepUntil(g, at);
}
