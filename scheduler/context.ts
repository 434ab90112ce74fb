/** What a running task gets as its first argument, and the G that it is. */
import type { Machine } from "./machine.ts";
import type { Call, Caller, Definition, GoOptions, Settler, Task, TaskPromise, TaskState } from "./task.ts";

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
   * hears of it by {@linkcode TaskContext.shouldYield}.
   */
  readonly signal: AbortSignal;
  /**
   * Whether a task that computes should let go of its thread: it has run for 10 ms (Go's time slice) since its last
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
  /** Resolves after `ms` milliseconds, of which fractions count. Other tasks run meanwhile. */
  sleep(ms: number): Promise<void>;
  /**
   * Awaits a promise of the world outside (a `fetch`, a timer), and goes on only once the thread holds a P again. After
   * a plain `await` of such a promise the task goes on at once, even if `procs` threads are running.
   */
  wait<T>(promise: PromiseLike<T>): Promise<T>;
}

function nobody(): never {
  throw new Error("Heddle: a G without a caller was settled.");
}

/**
 * One task on the M where it was started, or where it runs, or both. A G that is stolen has two: the caller's and the
 * runner's, which know each other by the slot.
 */
export class G implements TaskContext, Caller, Settler {
  readonly machine: Machine;
  readonly definition: Definition | undefined;
  readonly id: number;
  args: readonly unknown[] | undefined;
  /** Set in the caller's G. */
  promise: TaskPromise | undefined = undefined;
  resolve: (value: unknown) => void = nobody;
  reject: (reason: unknown) => void = nobody;
  taskState: TaskState = "queued";
  /** -1 while it is private to this M. */
  slot: number;
  cancelled = false;
  reason: unknown = undefined;
  /** The caller's: undoes what `signal` and `timeout` set up. */
  release: (() => void) | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  /** What a cancellation must end: sleeps and waits. */
  #interrupts: Set<(reason: unknown) => void> | undefined = undefined;
  /** The M's tick at the last look at shouldYield, and the time at the first one in that tick. */
  #sliceTick = -1;
  #sliceStart = 0;

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

  get tid(): number {
    return this.machine.tid;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.cancelled) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  get shouldYield(): boolean {
    this.machine.readMail();
    if (this.cancelled) return true;
    const now = performance.now();
    if (this.#sliceTick !== this.machine.tick) {
      this.#sliceTick = this.machine.tick;
      this.#sliceStart = now;
    }
    return now - this.#sliceStart >= 10;
  }

  go<R>(call: Call<R>, options?: GoOptions): Task<R> {
    return this.machine.spawn(call, options) as unknown as Task<R>;
  }

  yield(): Promise<void> {
    return this.#interruptible((resume) => this.machine.resumeLater(resume));
  }

  sleep(ms: number): Promise<void> {
    if (!(typeof ms === "number" && ms >= 0)) {
      throw new RangeError(`ctx.sleep(${String(ms)}): give milliseconds, 0 or more.`);
    }
    return this.#interruptible((resume) => {
      const timer = this.machine.startTimer(ms, resume);
      return () => timer.cancelled = true;
    });
  }

  wait<T>(promise: PromiseLike<T>): Promise<T> {
    const outcome = this.#interruptible((resume) => {
      promise.then(() => this.machine.resumeLater(resume), () => this.machine.resumeLater(resume));
    });
    return outcome.then(() => promise);
  }

  cancel(reason?: unknown): void {
    this.machine.cancel(this, reason);
  }

  /** The cancellation arrived where the task runs. */
  abort(reason: unknown): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    for (const interrupt of this.#interrupts ?? []) interrupt(reason);
  }

  /** `arrange` sees to it that `resume` is called, and returns how to undo that. */
  #interruptible(arrange: (resume: () => void) => (() => void) | void): Promise<void> {
    if (this.cancelled) return Promise.reject(this.reason);
    return new Promise((resolve, reject) => {
      const interrupts = this.#interrupts ??= new Set();
      const undo = arrange(() => {
        interrupts.delete(interrupt);
        resolve();
      });
      const interrupt = (reason: unknown) => {
        interrupts.delete(interrupt);
        undo?.();
        reject(reason);
      };
      interrupts.add(interrupt);
    });
  }
}
