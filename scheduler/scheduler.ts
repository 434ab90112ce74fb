/** The public face of the host's half, and what users pass in. */
import { SchedulerClosedError } from "./tasks/errors.ts";
import type { Capabilities } from "../ffi/capabilities.ts";
import { variable } from "../ffi/permitted.ts";
import type { Host } from "./host/host.ts";
import type { Inspection } from "./host/inspection.ts";
import { hostModule } from "./host_module.ts";
import { handOver } from "./codec/moves.ts";
import type { Dump } from "./host/dump.ts";
import type { Metrics } from "./host/metrics.ts";
import type { Trace, TraceOptions } from "./host/trace.ts";
import type { SchedulerStats } from "./host/statistics.ts";
import { HOME } from "./tasks/home.ts";
import { ThreadLocker } from "./locker.ts";
import { View, type ViewOptions } from "./view.ts";
import type { NativeLibrary } from "./native/library.ts";
import { SCHEDULER_OPTIONS, type SchedulerOptions } from "./host/scheduler_options.ts";
import { type Names, requireOptions, shown } from "./tasks/options.ts";
import { type Priority, requirePriority } from "./tasks/priority.ts";
import {
  type Call,
  GO_OPTIONS,
  type GoOptions,
  isCall,
  requireCall,
  requireGoOptions,
  requireTimeout,
  type Task,
} from "./tasks/call.ts";
import type { StreamCall, StreamOptions, TaskStream } from "./tasks/stream.ts";
import { startStream } from "./sync/stream.ts";
import { after } from "./queues/timers.ts";
import { registry } from "./tasks/define.ts";
import type { NativeThread } from "./native/thread.ts";
import {
  type NativeThreadOptions,
  requireNativeThreadOptions,
  requireThreadOptions,
  THREAD_OPTIONS,
  threadName,
  type ThreadOptions,
} from "./tasks/thread_options.ts";

export type { SchedulerStats };

/** Options of {@linkcode Scheduler.dedicate}. `name` is the thread's as well as the task's. */
export interface DedicateOptions extends GoOptions, ThreadOptions {}

/** Options of {@linkcode Scheduler.drain}. */
export interface DrainOptions {
  /** Milliseconds after which it rejects. Default: no limit. */
  timeout?: number;
}

/** Options of {@linkcode Scheduler.ready}. */
export interface ReadyOptions {
  /** Of the task that is to start. Default: `"user-visible"`. */
  priority?: Priority;
}

const READY_OPTIONS = { priority: true } satisfies Names<ReadyOptions>;

const DRAIN_OPTIONS = { timeout: true } satisfies Names<DrainOptions>;

const DEDICATE_OPTIONS = { ...GO_OPTIONS, ...THREAD_OPTIONS } satisfies Names<DedicateOptions>;

/**
 * A pool of threads that run tasks, after Go's scheduler: `procs` of them run at any instant, work moves to who is
 * hungry, and dedicated threads are exempt (Go's `DedicateOSThread` proposal, 2020).
 *
 * It keeps the process alive only while tasks are in flight, and idle it uses no CPU.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Scheduler } from "@heddle/heddle";
 * import { sum } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 2 });
 * const [small, large] = await Promise.all([sched.go(sum(0, 10)), sched.go(sum(0, 1_000_000))]);
 * assertEquals([small, large], [45, 499_999_500_000]);
 * ```
 */
export class Scheduler implements AsyncDisposable {
  readonly #host: Host;
  readonly #inspection: Inspection | undefined;

  /** @internal */
  constructor(options: SchedulerOptions) {
    this.#host = hostModule!.Host.open(options);
    this.#inspection = hostModule!.Inspection.ofEnvironment(this, options.name);
  }

  /**
   * Resolves when the first of `procs` threads runs. The others are on their way: with `warm` it waits for all of them.
   *
   * @throws {RangeError} if an option is out of its range.
   * @throws {TypeError} if there is no such option, or it takes what there is not here: see {@linkcode Scheduler.capabilities}.
   * @throws {Error} on Linux without /proc, in a Heddle thread, or if a thread does not start or the system refuses one.
   */
  static async start(options: SchedulerOptions = {}): Promise<Scheduler> {
    requireHost("Scheduler.start()");
    requireOptions("Scheduler.start", options, SCHEDULER_OPTIONS);
    const { onStall } = options;
    if (onStall !== undefined && typeof onStall !== "function") {
      throw new TypeError(`Scheduler.start: onStall is ${shown(onStall)}: give a function.`);
    }
    const scheduler = new Scheduler(options);
    try {
      await scheduler.#host.up();
    } catch (error) {
      await scheduler.close();
      throw error;
    }
    return scheduler;
  }

  /** @internal */
  get [HOME](): unknown {
    return this.#host.home;
  }

  /** How many threads run tasks at the same instant. */
  get procs(): number {
    return this.#host.shared.idle.procs;
  }

  /**
   * What there is here beyond what there always is. Where foreign functions are not allowed, or Heddle's native shim does not run,
   * all are false, and a line on standard error says why. So it is with `HEDDLE_TIER=none` in the environment, without the line.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Scheduler } from "@heddle/heddle";
   * import { sum } from "./tasks.ts";
   *
   * await using sched = await Scheduler.start({ procs: 1 });
   * const cpus = sched.capabilities.threadOptions ? { affinity: [0] } : {};
   * assertEquals(await sched.dedicate(sum(0, 10), cpus), 45);
   * ```
   */
  get capabilities(): Capabilities {
    return this.#host.capabilities;
  }

  /**
   * Changes `procs` for tasks that start from now on; what runs is not interrupted.
   *
   * @throws {RangeError} if `n` is not an integer from 1 to 256, or leaves no room below `maxThreads`.
   */
  setProcs(n: number): void {
    this.#requireOpen();
    this.#host.setProcs(n);
  }

  /**
   * Starts a task. Its promise settles once, with what the function returns or throws.
   *
   * @throws {DOMException} named DataCloneError if an argument cannot be copied.
   * @throws {QueueFullError} if `maxQueue` tasks wait for a thread.
   * @throws {SchedulerClosedError} after `close()`.
   */
  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  /** Starts a task that yields many results. Throws as for one with one result. */
  go<T>(call: StreamCall<T>, options?: StreamOptions): TaskStream<T>;
  go(call: unknown, options?: GoOptions): unknown {
    if (!isCall(call)) {
      return startStream("go", this, call, options, (feeding, options) => this.go(feeding, options));
    }
    const limits = options === undefined ? undefined : requireGoOptions("go", options);
    this.#host.requireOpen();
    if (limits?.transfer === undefined) return this.#host.go(call, limits);
    return handOver(limits.transfer, () => this.#host.go(call, limits));
  }

  /**
   * Starts a task on a thread of its own, which ends with it. It is not counted in `procs`, and may block as it likes.
   *
   * @throws {RangeError} if there are `maxThreads`, or an option is out of its range.
   * @throws {TypeError} for `affinity` or `nice` without {@linkcode Capabilities.threadOptions}.
   * @throws {Error} if the system refuses another thread.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Scheduler } from "@heddle/heddle";
   * import { threadName } from "./tasks.ts";
   *
   * await using sched = await Scheduler.start({ procs: 1 });
   * assertEquals(await sched.dedicate(threadName(), { name: "tap" }), "tap");
   * ```
   */
  dedicate<R>(call: Call<R>, options: DedicateOptions = {}): Task<R> {
    requireCall(call);
    const limits = requireGoOptions("dedicate", options, DEDICATE_OPTIONS);
    const { affinity, nice } = requireThreadOptions("dedicate", options, DEDICATE_OPTIONS);
    this.#host.requireOpen();
    this.#requireGrantable("dedicate", { affinity, nice });
    const name = limits.name ?? threadName(call.definition.name);
    const start = () => this.#host.dedicate(call, limits, { name, affinity, nice });
    return handOver(limits.transfer, start) as unknown as Task<R>;
  }

  /**
   * Starts a thread for tasks that are to share one. Resolves when it runs. An open locker does not keep the process alive,
   * its tasks do.
   *
   * @throws {RangeError} if there are `maxThreads`, or an option is out of its range.
   * @throws {TypeError} for `affinity` or `nice` without {@linkcode Capabilities.threadOptions}.
   * @throws {Error} if the system refuses the thread an option.
   */
  async locker(options: ThreadOptions = {}): Promise<ThreadLocker> {
    const wishes = requireThreadOptions("locker", options);
    this.#host.requireOpen();
    this.#requireGrantable("locker", wishes);
    return await ThreadLocker.start(this.#host, wishes);
  }

  /**
   * `Deno.dlopen`, except that every call returns a promise and runs on a pool of native threads, so that it may block.
   * A call takes a few microseconds, about a tenth of a `nonblocking` one, and any number of blocked ones (up to
   * `maxNativeThreads`) keeps neither other calls nor the runtime's own file access waiting.
   *
   * Parameters and results are those of `Deno.dlopen`, without structs by value and without callbacks. Calls may run in
   * any order and at the same time. A buffer stays alive and in place until its call returns; it must not be transferred
   * or detached in that time. Signals of the process are blocked on these threads, whose stacks have 256 KiB.
   *
   * @throws {TypeError} without {@linkcode Capabilities.native}; for a definition that it does not take: a struct, a callback, too
   * many parameters.
   * @throws {Error} if the library or one of its symbols is not there.
   * @throws {SchedulerClosedError} after `close()`.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Scheduler } from "@heddle/heddle";
   *
   * await using sched = await Scheduler.start();
   * const libc = sched.dlopen("libc.so.6", {
   *   open: { parameters: ["buffer", "i32"], result: "i32" },
   * });
   * const call = libc.symbols.open(new TextEncoder().encode("/no/such/file\0"), 0);
   * assertEquals(await call, -1);
   * assertEquals(call.errno, 2); // ENOENT
   * ```
   */
  dlopen<const S extends Deno.ForeignLibraryInterface>(path: string | URL, symbols: S): NativeLibrary<S> {
    this.#requireOpen();
    this.#host.require("native", "Scheduler.dlopen()");
    const { calls, pool } = this.#host.native;
    return hostModule!.openLibrary("Scheduler.dlopen", calls, pool, path, symbols);
  }

  /**
   * Starts a thread of C on which every call runs, in order: {@linkcode NativeThread}. It is counted neither in `procs` nor in
   * `maxThreads` or `maxNativeThreads`.
   *
   * The promise rejects with an `Error` if the system refuses an option, or the thread.
   *
   * @throws {RangeError} or {TypeError} if an option is out of its range.
   * @throws {TypeError} without {@linkcode Capabilities.native}.
   * @throws {SchedulerClosedError} after `close()`.
   */
  thread(options: NativeThreadOptions = {}): Promise<NativeThread> {
    const wishes = requireNativeThreadOptions("thread", options);
    this.#requireOpen();
    this.#host.require("native", "Scheduler.thread()");
    return hostModule!.NativeThread.open(this.#host.native.calls, wishes);
  }

  /**
   * The same threads with a limit of their own: {@linkcode View}.
   *
   * @throws {RangeError} if the concurrency is not an integer from 1 up.
   * @throws {TypeError} if there is no such option or priority.
   * @throws {SchedulerClosedError} after `close()`.
   */
  view(options: ViewOptions = {}): View {
    this.#requireOpen();
    return new View(this.#host, options);
  }

  /** What it does at this moment, and has done. Takes microseconds, and disturbs no thread. */
  stats(): SchedulerStats {
    return this.#host.stats();
  }

  /**
   * Writes down what happens from here on, until `stop()` or `close()`: who started which task, where and when it ran, what it
   * waited for and who ended that, blocking and native calls, steals, sleeps, who had which P, and regions of tasks
   * ({@linkcode TaskContext.span}). The file is JSON that https://ui.perfetto.dev and Chromium's `chrome://tracing` open; with
   * `HEDDLE_TRACE=file` in the environment a scheduler writes one from its start on. docs/seeing.md tells how to read it.
   *
   * Each thread has room for 16384 events (256 KiB of the arena), which one more thread empties every few milliseconds into
   * `file.events`. It makes the file of that as the trace ends, or the host as the process does; {@linkcode finishTrace} does it for a
   * process that was killed. What finds no room is dropped, and counted: the threads never wait. A thread that computes joins when it comes to the scheduler. Of children that stay
   * on the thread of their parent one in 64 is there, of kinds of which others were ever started elsewhere. When nothing is traced
   * this costs nothing.
   *
   * The idea is that of Go's `runtime/trace`; the form is Chromium's Trace Event Format.
   *
   * It rejects with an `Error` while there is a trace, a `Deno.errors` one if the file cannot be written, or a
   * {@linkcode SchedulerClosedError}.
   *
   * @example
   * ```ts
   * import { assert, assertEquals } from "@std/assert";
   * import { Scheduler } from "@heddle/heddle";
   * import { sum } from "./tasks.ts";
   *
   * await using sched = await Scheduler.start({ procs: 2 });
   * const file = await Deno.makeTempFile();
   * const trace = await sched.trace({ file });
   * await Promise.all(Array.from({ length: 10 }, (_, n) => sched.go(sum(0, n))));
   * const { events, dropped } = await trace.stop();
   * assert(events >= 20);
   * assertEquals(dropped, 0);
   * assert(JSON.parse(await Deno.readTextFile(file)).length > events);
   * ```
   */
  async trace(options: TraceOptions): Promise<Trace> {
    this.#requireOpen();
    return await this.#host.trace(options);
  }

  /**
   * How it has been so far: histograms of how long tasks waited, ran and blocked, counts, memory and CPU time of each thread. Plain
   * data, for `JSON.stringify`, {@linkcode prometheus} or a log. It takes a tenth of a millisecond, and disturbs no thread. What is
   * sampled, and how often, says each field: together less than 1% of what a task costs.
   *
   * After `close()` it says what was.
   *
   * @example
   * ```ts
   * import { assert } from "@std/assert";
   * import { Scheduler } from "@heddle/heddle";
   * import { sum } from "./tasks.ts";
   *
   * await using sched = await Scheduler.start({ procs: 2 });
   * await Promise.all(Array.from({ length: 100 }, (_, n) => sched.go(sum(0, n))));
   * const { schedulingLatency, runTime } = sched.metrics();
   * assert(schedulingLatency.count > 0 && runTime.count > 0);
   * console.log(`99 of 100 tasks began within ${schedulingLatency.p99} ms`);
   * ```
   */
  metrics(): Metrics {
    return this.#host.metrics();
  }

  /**
   * What is there at this moment: tasks, threads, processors, queues, channels and locks, who holds and who waits. A plain object,
   * which `JSON.stringify` takes; `String(dump)` is a text for people. It stops no thread and waits for none, so it works while all
   * of them hang. Takes a millisecond or two, and 50 more for 100,000 tasks. docs/seeing.md tells how to read it.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Channel, Scheduler } from "@heddle/heddle";
   * import { squares } from "./tasks.ts";
   *
   * await using sched = await Scheduler.start({ procs: 1, name: "example" });
   * const numbers = new Channel<number>(sched);
   * const task = sched.go(squares(numbers, 3));
   * const dump = sched.dump();
   * assertEquals([dump.version, dump.name], [1, "example"]);
   * assertEquals(dump.tasks.map(({ id, name }) => [id, name]), [[task.id, "squares"]]);
   * for await (const _number of numbers);
   * await task;
   * ```
   */
  dump(): Dump {
    return this.#host.dump();
  }

  /**
   * Resolves when a task that is started now would begin soon: fewer tasks wait for a thread than there are Ps. Who awaits it
   * before each `go` keeps the threads busy and the queue short. It rejects with a {@linkcode SchedulerClosedError} if the scheduler
   * is closed before.
   *
   * Background tasks that wait do not count, unless it is for one of these that there is to be room.
   *
   * @throws {TypeError} if there is no such option or priority.
   *
   * @example
   * ```ts
   * import { assert } from "@std/assert";
   * import { Scheduler } from "@heddle/heddle";
   * import { sum } from "./tasks.ts";
   *
   * await using sched = await Scheduler.start({ procs: 2 });
   * const tasks = [];
   * for (let n = 0; n < 100; n++) {
   *   await sched.ready();
   *   tasks.push(sched.go(sum(0, n)));
   *   assert(sched.stats().queued <= 2);
   * }
   * await Promise.all(tasks);
   * ```
   */
  ready(options: ReadyOptions = {}): Promise<void> {
    requireOptions("ready", options, READY_OPTIONS);
    const { priority } = options;
    if (priority !== undefined) requirePriority("ready", priority);
    this.#requireOpen();
    return this.#host.ready(priority);
  }

  /**
   * Takes no new tasks, and resolves when those in flight have settled, and native calls too. Then the scheduler can be closed
   * without anything lost. What is started meanwhile throws a {@linkcode SchedulerClosedError}; what runs may start children.
   *
   * It rejects with a `DOMException` named TimeoutError when `timeout` is over: the tasks go on, and it can be called again.
   *
   * @throws {RangeError} if the timeout is below 0.
   *
   * @example
   * ```ts
   * import { assertEquals, assertThrows } from "@std/assert";
   * import { Scheduler, SchedulerClosedError } from "@heddle/heddle";
   * import { sum } from "./tasks.ts";
   *
   * await using sched = await Scheduler.start({ procs: 1 });
   * const task = sched.go(sum(0, 10));
   * const drained = sched.drain({ timeout: 10_000 });
   * assertThrows(() => sched.go(sum(0, 10)), SchedulerClosedError);
   * await drained;
   * assertEquals(await task, 45);
   * ```
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    requireOptions("drain", options, DRAIN_OPTIONS);
    const { timeout = Infinity } = options;
    requireTimeout("drain", timeout);
    if (this.#host.isClosed) return;
    const late = Promise.withResolvers<void>();
    const stop = after(timeout, () => {
      const message =
        `Not all tasks ended within ${timeout} ms (${this.#host.inFlight} in flight): close() ends them.`;
      late.reject(new DOMException(message, "TimeoutError"));
    });
    try {
      await Promise.race([this.#host.drain(), late.promise]);
    } finally {
      stop();
    }
  }

  /**
   * Rejects every task that has not ended with a {@linkcode SchedulerClosedError}, and ends the threads. A thread that
   * is in the middle of a computation is terminated, or frozen for good; without preemption a loop goes on until the process
   * ends, or until it looks at `ctx.signal.aborted`. One that has something to close ({@linkcode perThread}) has a second for
   * that. Nobody has to await the tasks: they are no unhandled rejections.
   */
  close(): Promise<void> {
    this.#inspection?.close();
    return this.#host.close();
  }

  /** For `await using`: {@linkcode Scheduler.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The default scheduler is never closed, and a thread writes what V8 has counted there when it ends. So under `deno test
   * --coverage` its threads end with the module.
   *
   * @internal
   */
  endForCoverage(): void {
    if (variable("DENO_COVERAGE_DIR")) addEventListener("unload", () => this.#host.endThreads());
  }

  #requireGrantable(what: string, { affinity, nice }: ThreadOptions): void {
    if (affinity !== undefined) this.#host.require("threadOptions", `${what}: affinity`);
    if (nice !== undefined) this.#host.require("threadOptions", `${what}: nice`);
  }

  #requireOpen(): void {
    if (this.#host.isClosed) throw new SchedulerClosedError("The scheduler is closed: start another one.");
  }
}

let ofTheModule: Scheduler | undefined;

function defaultScheduler(what: string): Scheduler {
  requireHost(what);
  if (ofTheModule === undefined) {
    ofTheModule = new Scheduler({});
    ofTheModule.endForCoverage();
  }
  return ofTheModule;
}

/**
 * Starts a task on the default scheduler, which starts on first use with default options and never keeps the process
 * alive when it is idle.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go } from "@heddle/heddle";
 * import { sum } from "./tasks.ts";
 *
 * assertEquals(await go(sum(0, 10)), 45);
 * ```
 */
export function go<R>(call: Call<R>, options?: GoOptions): Task<R>;
/** Starts a task that yields many results on the default scheduler. */
export function go<T>(call: StreamCall<T>, options?: StreamOptions): TaskStream<T>;
export function go(call: unknown, options?: GoOptions): unknown {
  return defaultScheduler("go()").go(call as Call<unknown>, options);
}

/** {@linkcode Scheduler.dedicate} on the default scheduler. */
export function dedicate<R>(call: Call<R>, options?: DedicateOptions): Task<R> {
  return defaultScheduler("dedicate()").dedicate(call, options);
}

function requireHost(what: string): void {
  if (!registry.isThread) return;
  throw new Error(
    `${what} was called in a Heddle thread. If this module has tasks and is the main module too, a thread imports it ` +
      `for the tasks: put the program's own start behind "if (import.meta.main)". A task starts others with ctx.go().`,
  );
}
