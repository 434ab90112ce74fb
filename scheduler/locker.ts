import { handOver } from "./codec/moves.ts";
import type { Host } from "./host/host.ts";
import { hold, tid } from "./locker_tasks.ts";
import { type Call, type GoOptions, requireCall, requireGoOptions, type Task } from "./tasks/call.ts";
import { type HostTask, silence } from "./tasks/promise.ts";
import type { Thread } from "./host/threads.ts";
import { threadName, type ThreadOptions } from "./tasks/thread_options.ts";

/**
 * Tasks that share one thread, which is dedicated to them: they see one `tid` and one state of their modules, and take
 * turns at their `await`s. For what is bound to a thread and serves many: a graphics context, a tracer, a library that
 * wants all calls from one thread. Made by {@linkcode Scheduler.locker}.
 *
 * After `ThreadLocker`, which was proposed for Go (golang/go#49848).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Scheduler } from "@heddle/heddle";
 * import { threadName } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * await using locker = await sched.locker({ name: "gl" });
 * assertEquals(await Promise.all([locker.go(threadName()), locker.go(threadName())]), ["gl", "gl"]);
 * ```
 */
export class ThreadLocker implements AsyncDisposable {
  /** The number of the thread: see {@linkcode TaskContext.tid}. */
  readonly tid: number;
  readonly #host: Host;
  readonly #thread: Thread;
  readonly #hold: HostTask;
  readonly #tasks = new Set<HostTask>();
  #closing: Promise<void> | undefined = undefined;

  /** @internal */
  static async start(host: Host, options: ThreadOptions): Promise<ThreadLocker> {
    const name = options.name ?? threadName("heddle-locker");
    const [holding, thread] = host.hold(hold, { ...options, name });
    const asking = host.go(tid, undefined, thread);
    silence(asking);
    // What the system says against the options is what the first one rejects with.
    return new ThreadLocker(host, thread, holding, await Promise.race([asking, holding]) as number);
  }

  private constructor(host: Host, thread: Thread, holding: HostTask, tid: number) {
    this.#host = host;
    this.#thread = thread;
    this.#hold = holding;
    this.tid = tid;
  }

  /**
   * Starts a task on this thread. Others that have begun there go on while it awaits.
   *
   * @throws {Error} after `close()`, or if the thread has died.
   * @throws {SchedulerClosedError} if the scheduler is closed.
   * @throws {DOMException} named DataCloneError if an argument cannot be copied.
   */
  go<R>(call: Call<R>, options?: GoOptions): Task<R> {
    requireCall(call);
    const limits = options === undefined ? undefined : requireGoOptions("locker.go", options);
    this.#host.requireOpen();
    if (this.#closing) throw new Error("This locker is closed: start another one with scheduler.locker().");
    const task = handOver(limits?.transfer, () => this.#host.go(call, limits, this.#thread));
    this.#tasks.add(task);
    const ended = () => this.#tasks.delete(task);
    task.then(ended, ended);
    return task as unknown as Task<R>;
  }

  /** Takes no more tasks, waits for those that it has, and ends the thread. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#tasks);
    this.#hold.cancel();
    await this.#host.threadEnds(this.#thread);
  }

  /** For `await using`: {@linkcode ThreadLocker.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
