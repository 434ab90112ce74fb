import { handOver } from "./codec/moves.ts";
import type { Host } from "./host/host.ts";
import type { ViewLine } from "./host/host_tasks.ts";
import { startStream } from "./sync/stream.ts";
import { type Call, type GoOptions, isCall, requireGoOptions, type Task } from "./tasks/call.ts";
import { SchedulerClosedError } from "./tasks/errors.ts";
import { HOME, type Home } from "./tasks/home.ts";
import { type Names, requireInteger, requireOptions } from "./tasks/options.ts";
import { type Priority, requirePriority } from "./tasks/priority.ts";
import type { StreamCall, StreamOptions, TaskStream } from "./tasks/stream.ts";

/** Options of {@linkcode Scheduler.view}. */
export interface ViewOptions {
  /** How many of its tasks may be under way at once, 1 or more. Default: no limit. */
  concurrency?: number;
  /** Of its tasks, unless they are started with another. Default: `"user-visible"`. */
  priority?: Priority;
}

const VIEW_OPTIONS = { concurrency: true, priority: true } satisfies Names<ViewOptions>;

/**
 * A scheduler's threads with a limit of their own, for one kind of work among others: a part of a program takes a view where it
 * would take the scheduler, and neither floods the pool nor has a pool of its own. Made by {@linkcode Scheduler.view}.
 *
 * What exceeds the limit waits, in its order, on the host. A task counts from its turn until its function has ended, also if its
 * promise was rejected before by a cancellation. What it starts by `ctx.go` is not counted, and has its priority.
 *
 * After `limitedParallelism` of Kotlin's coroutine dispatchers.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parallelMap, Scheduler } from "@heddle/heddle";
 * import { sum } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 4 });
 * await using reports = sched.view({ concurrency: 2, priority: "background" });
 * const all = await Promise.all([1, 2, 3].map((n) => reports.go(sum(0, n))));
 * assertEquals(all, [0, 1, 3]);
 * assertEquals(await Array.fromAsync(parallelMap(reports, [10, 20], (n) => sum(0, n))), [45, 190]);
 * ```
 */
export class View implements AsyncDisposable, Home {
  /** How many of its tasks may be under way at once. */
  readonly concurrency: number;
  /** Of tasks that are started without one. */
  readonly priority: Priority;
  readonly #host: Host;
  readonly #line: ViewLine;
  #closing: Promise<void> | undefined = undefined;

  /** @internal */
  constructor(host: Host, options: ViewOptions) {
    requireOptions("view", options, VIEW_OPTIONS);
    const { concurrency = Infinity, priority = "user-visible" } = options;
    if (concurrency !== Infinity) requireInteger("view: concurrency", concurrency, 1);
    requirePriority("view", priority);
    this.concurrency = concurrency;
    this.priority = priority;
    this.#host = host;
    this.#line = host.newView(concurrency);
  }

  /** @internal */
  get [HOME](): unknown {
    return this.#host.home;
  }

  /**
   * {@linkcode Scheduler.go}, when it is the task's turn among those of this view.
   *
   * @throws {SchedulerClosedError} after `close()` of this or of the scheduler.
   */
  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  /** Starts a task that yields many results. Throws as for one with one result. */
  go<T>(call: StreamCall<T>, options?: StreamOptions): TaskStream<T>;
  go(call: unknown, options: GoOptions = {}): unknown {
    if (!isCall(call)) {
      return startStream("view.go", this, call, options, (feeding, options) => this.go(feeding, options));
    }
    const { priority = this.priority, ...limits } = requireGoOptions("view.go", options);
    this.#host.requireOpen();
    if (this.#closing !== undefined) throw closed();
    const start = () => this.#host.go(call, { ...limits, priority }, undefined, this.#line);
    return handOver(limits.transfer, start);
  }

  /**
   * Rejects those of its tasks that have not ended with a {@linkcode SchedulerClosedError}, and cancels what runs. Resolves when
   * none of them is under way any more. The scheduler and other views go on.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#host.closeView(this.#line, closed);
  }

  /** For `await using`: {@linkcode View.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closed(): SchedulerClosedError {
  return new SchedulerClosedError("The view was closed: make another one with scheduler.view().");
}
