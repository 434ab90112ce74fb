/** What a running task gets as its first argument. */
import type { Call, GoOptions, Task } from "./call.ts";
import type { Home } from "./home.ts";
import type { PerThread } from "./per_thread.ts";
import type { Scope, ScopeOptions } from "./scope.ts";
import type { StreamCall, StreamOptions, TaskStream } from "./stream.ts";

/**
 * A running task's view of the scheduler: the first parameter of every task function. It stays valid as long as the
 * task runs; do not hand it to others.
 */
export interface TaskContext extends Home {
  /** Unique within the scheduler. */
  readonly id: number;
  /**
   * The kernel's number of the thread that the task is bound to, as in `/proc/self/task`. Without {@linkcode Capabilities.threadOptions}
   * one that only the process knows.
   */
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
  /**
   * Starts a child task that yields many results. Give `signal: ctx.signal` with it, and the loop over them ends if this task is
   * cancelled.
   */
  go<T>(call: StreamCall<T>, options?: StreamOptions): TaskStream<T>;
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
   * The scope waits for children that were cancelled until they have really stopped. The body itself is interrupted where it
   * awaits `sleep`, `wait` or `yield` of the scope, instead of the context's: see {@linkcode Scope}.
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
   * What this thread has set up for itself: see {@linkcode perThread}. The first task that asks has it opened; with that it
   * awaits, and goes on, as by {@linkcode TaskContext.wait}. Rejects with what opening it has thrown. If the task is cancelled
   * meanwhile, it is opened all the same.
   *
   * @throws {TypeError} if it is not what `perThread` has made.
   */
  use<T>(what: PerThread<T>): Promise<T>;
  /**
   * The same without an `await`, for what is open: a task of this thread has used it before, or it was to be warm.
   *
   * @throws {Error} if it is not open on this thread.
   */
  used<T>(what: PerThread<T>): T;
  /**
   * Says how far the task is, or whatever is to be said of it meanwhile, to {@linkcode Task.progress} of who started it. The value is
   * copied. It waits for nobody, and replaces what nobody has read yet; so report as often as you like: it takes about a microsecond.
   * For what must all arrive there are channels, and tasks that yield.
   *
   * @throws {DOMException} named DataCloneError if the value cannot be copied, or is no plain data: channels, locks and ports are not.
   * @throws {RangeError} if the arena has no room for it.
   * @throws {Error} if the task has ended.
   */
  report(value: unknown): void;
  /**
   * Runs `fn`, and has it as a region of that name in a trace, if there is one ({@linkcode Scheduler.trace}): until it returns, or until
   * the promise that it returns has settled. Returns what `fn` does. Without a trace it is a call of `fn`, and nothing else. The
   * first 4096 names of a thread are kept, so have few: not one for each request.
   *
   * ```ts ignore
   * const rows = await ctx.span("load", () => load(id));
   * return ctx.span("render", () => render(rows));
   * ```
   */
  span<T>(name: string, fn: () => T): T;
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
