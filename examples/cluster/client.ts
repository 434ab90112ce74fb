/** Submits jobs, and hears how they end. */
import { createHash } from "node:crypto";
import type { TaskDefinition } from "@heddle/heddle";
import type { Order, Outcome, Queue } from "./queue.ts";
import { activeTraceparent, requireTraceparent } from "./trace.ts";
import { errorFromText, fromText, messageOf, toText } from "./values.ts";

/** A call of a task that runs on another machine. */
export interface RemoteCall<R> {
  /** `MODULE#TASK` */
  readonly task: string;
  readonly args: readonly unknown[];
  /** Only for the type checker. */
  readonly result?: R;
}

/** The tasks of a module, as calls for the queue. */
export type RemoteTasks<Module> = {
  readonly [Name in keyof Module]: Module[Name] extends TaskDefinition<infer A, infer R>
    ? (...args: A) => RemoteCall<R>
    : never;
};

/**
 * The tasks of a module that workers know by this name. Nothing is imported here: `remote<typeof import("./work.ts")>("work")`.
 */
export function remote<Module>(module: string): RemoteTasks<Module> {
  return new Proxy({} as RemoteTasks<Module>, {
    get: (_target, name) => (...args: unknown[]) => ({ task: `${module}#${String(name)}`, args }),
  });
}

export interface JobOptions {
  /**
   * An idempotency key: a job of this task with this key that the queue has, or has had within the last hour, is the job, whatever
   * the arguments. So a client that does not know whether its last try arrived tries again. Default: each is another job.
   */
  readonly key?: string;
  /** Milliseconds from now after which the job is cancelled, whether it waits or runs. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** A thread of its own for the job. */
  readonly dedicated?: Order["dedicated"];
  /** W3C Trace Context. Default: that of the active span, if the program traces. */
  readonly traceparent?: string;
  readonly onProgress?: (value: unknown) => void;
  readonly onLog?: (line: string) => void;
}

/** A job's result, as a promise. */
export interface Submitted<R> extends Promise<R> {
  readonly id: string;
  /** The promise rejects at once; the worker is told, and stops the task as `task.cancel` does. */
  cancel(reason?: unknown): void;
}

interface Waiting {
  readonly options: JobOptions;
  readonly settle: PromiseWithResolvers<unknown>;
  readonly since: number;
  lines: number;
  progress?: string;
}

/** Milliseconds: news gathers for so long, and is looked at in one trip. */
const GATHER = 2;
/** Milliseconds between looks without news. */
const LOOK = 500;
/** Jobs at the most that are looked at in one trip. */
const GLANCE = 500;

export class Client implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #news = new Set<string>();
  #orders: Order[] = [];
  #sent: Promise<void> = Promise.resolve();
  #hearing?: Promise<void>;
  #looking?: ReturnType<typeof setInterval>;
  #gathering?: ReturnType<typeof setTimeout>;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Starts a job on whatever machine has room first. Those of one turn of the event loop go in one trip. */
  go<R>(call: RemoteCall<R>, options: JobOptions = {}): Submitted<R> {
    const { key, timeout, signal, dedicated, traceparent = activeTraceparent() } = options;
    const id = key === undefined
      ? crypto.randomUUID()
      : createHash("sha256").update(`${call.task}\0${key}`).digest("hex");
    const order: Order = {
      id,
      task: call.task,
      args: toText(call.args),
      ...(timeout !== undefined && { deadline: Date.now() + timeout }),
      ...(dedicated && { dedicated }),
      ...(traceparent !== undefined && { traceparent: requireTraceparent(traceparent) }),
    };
    signal?.throwIfAborted();
    const settle = Promise.withResolvers<unknown>();
    const waiting: Waiting = { options, settle, since: performance.now(), lines: 0 };
    const all = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, all.add(waiting));
    const cancel = (reason: unknown = new DOMException("The job was cancelled.", "AbortError")) => {
      if (!this.#forget(id, waiting)) return;
      settle.promise.catch(() => {}); // whoever cancels it need not await it
      settle.reject(reason);
      this.#sent.then(() => this.#queue.cancel(id, messageOf(reason)))
        .catch(() => {}); // it runs to its end
    };
    const onAbort = () => cancel(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    // There may be no worker to tell of the deadline.
    const late = `Job ${id} (${call.task}) did not end within its timeout of ${timeout} ms.`;
    const timer = timeout !== undefined &&
      setTimeout(() => cancel(new DOMException(late, "TimeoutError")), timeout);
    settle.promise.catch(() => {}).finally(() => {
      signal?.removeEventListener("abort", onAbort);
      if (timer) clearTimeout(timer);
    });
    this.#send(order);
    return Object.assign(settle.promise as Promise<R>, { id, cancel });
  }

  /** Resolves with the job's id once the queue has it. */
  async submitted(job: Submitted<unknown>): Promise<string> {
    await Promise.race([this.#sent, job]);
    return job.id;
  }

  /** Rejects what has not settled: the jobs go on. The queue is the caller's to close. */
  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    clearTimeout(this.#gathering);
    for (const [id, all] of this.#waiting) {
      for (const { settle } of all) {
        settle.promise.catch(() => {});
        settle.reject(new Error(`The client was closed before job ${id} ended, which goes on.`));
      }
    }
    this.#waiting.clear();
  }

  #send(order: Order): void {
    this.#orders.push(order);
    if (this.#orders.length > 1) return;
    this.#looking ??= setInterval(() => this.#lookNow([...this.#waiting.keys()].slice(0, GLANCE)), LOOK);
    this.#sent = this.#submit();
  }

  async #submit(): Promise<void> {
    // Whatever else this turn of the event loop orders.
    await undefined;
    let orders: Order[] = [];
    try {
      await (this.#hearing ??= this.#queue.onNews((id) => this.#hear(id)));
      orders = this.#orders;
      this.#orders = [];
      await this.#queue.submit(orders);
    } catch (error) {
      for (const { id } of orders.concat(this.#orders)) {
        this.#settle(id, ({ settle }) => settle.reject(error));
      }
      this.#orders = [];
      return;
    }
    // A job of that key may have ended before.
    for (const { id } of orders) {
      if (this.#waiting.get(id)?.values().some(({ options }) => options.key)) this.#hear(id);
    }
  }

  #hear(id: string): void {
    if (!this.#waiting.has(id)) return;
    this.#news.add(id);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      const ids = [...this.#news];
      this.#news.clear();
      this.#lookNow(ids);
    }, GATHER);
  }

  #lookNow(ids: readonly string[]): void {
    // An engine that is away for a moment has the answer later.
    this.#look(ids).catch(() => {});
  }

  async #look(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const sights = await this.#queue.look(ids);
    for (const [i, id] of ids.entries()) {
      const sight = sights[i];
      const all = this.#waiting.get(id);
      if (sight === undefined || all === undefined) continue;
      for (const waiting of all) await this.#show(id, waiting, sight.progress);
      if (sight.outcome !== undefined) {
        this.#settle(id, ({ settle }) => this.#conclude(settle, sight.outcome!));
      } // Looked at last: those that no look has come to yet are first the next time.
      else if (this.#waiting.delete(id)) this.#waiting.set(id, all);
    }
  }

  async #show(id: string, waiting: Waiting, progress?: string): Promise<void> {
    const { onProgress, onLog } = waiting.options;
    if (onProgress && progress !== undefined && progress !== waiting.progress) {
      waiting.progress = progress;
      onProgress(fromText(progress));
    }
    if (!onLog) return;
    const lines = await this.#queue.logs(id, waiting.lines);
    waiting.lines += lines.length;
    for (const line of lines) onLog(line);
  }

  #conclude(settle: PromiseWithResolvers<unknown>, outcome: Outcome): void {
    if ("result" in outcome) settle.resolve(fromText(outcome.result));
    else settle.reject(errorFromText(outcome.error));
  }

  #settle(id: string, how: (waiting: Waiting) => void): void {
    const all = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (all) { for (const waiting of all) how(waiting); }
    if (this.#waiting.size === 0) this.#rest();
  }

  /** Whether it was still awaited. */
  #forget(id: string, waiting: Waiting): boolean {
    const all = this.#waiting.get(id);
    if (!all?.delete(waiting)) return false;
    if (all.size === 0) this.#waiting.delete(id);
    return true;
  }

  #rest(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}
