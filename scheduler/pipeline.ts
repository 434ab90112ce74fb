/** Stages of tasks, connected by channels; Web Streams at either end. */
import { whenAborted } from "./queues/cancellation.ts";
import { Channel } from "./sync/channel.ts";
import type { Home } from "./tasks/home.ts";
import { type Names, requireInteger, requireOptions, requireSignal } from "./tasks/options.ts";
import { Source } from "./source.ts";
import type { Task } from "./tasks/call.ts";
import { requireDefinition, type TaskDefinition } from "./tasks/define.ts";
import { defaultReason, silence } from "./tasks/promise.ts";

/**
 * A stage: a task that receives from one channel and sends to another. It ends when what it receives from is closed, and
 * closes neither: the pipeline does, when all tasks of the stage have ended.
 */
// deno-lint-ignore no-explicit-any -- what each stage makes of its values is its own affair
export type Stage = TaskDefinition<[from: Channel<any>, to: Channel<any>], void>;

/** A stage with more than one task. What several of them pass on is in no particular order. */
export interface Stages {
  /** The task. */
  stage: Stage;
  /** How many of it run. */
  tasks: number;
}

/** Options of {@linkcode pipeline}. */
export interface PipelineOptions {
  /** Values that may wait between two stages. Default: 16. */
  capacity?: number;
  /** Aborting it cancels the pipeline with the signal's reason. */
  signal?: AbortSignal;
}

const PIPELINE_OPTIONS = { capacity: true, signal: true } satisfies Names<PipelineOptions>;

/**
 * Passes what a source yields through stages, each of one task or more, which are on whatever threads have time. Between
 * the stages are channels, so a slow stage holds up those before it, and at last the source. The first
 * failure, of the source or a stage, cancels all others and is what the iteration throws. What is wrong with an argument
 * is thrown before anything has started.
 *
 * A `ReadableStream` is a source, and {@linkcode Pipeline.readable} and {@linkcode Pipeline.pipeTo} make streams of what
 * comes out.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { pipeline, Scheduler } from "@heddle/heddle";
 * import { doubling } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 2 });
 * const numbers = ReadableStream.from([1, 2, 3]);
 * // export const doubling = task(import.meta, "doubling", async (_ctx, from: Channel<number>, to: Channel<number>) => {
 * //   for await (const n of from) await to.send(2 * n);
 * // });
 * assertEquals(await Array.fromAsync(pipeline(sched, numbers, [doubling, doubling])), [4, 8, 12]);
 * ```
 */
export function pipeline<T>(
  home: Home,
  source: Iterable<unknown> | AsyncIterable<unknown>,
  stages: readonly (Stage | Stages)[],
  options: PipelineOptions = {},
): Pipeline<T> {
  requireOptions("pipeline", options, PIPELINE_OPTIONS);
  requireSignal("pipeline", options.signal);
  return new Pipeline<T>(home, source, stages, options);
}

/** A running pipeline: what comes out of its last stage. Made by {@linkcode pipeline}. */
export class Pipeline<T> implements AsyncIterable<T> {
  readonly #channels: readonly Channel<unknown>[];
  readonly #last: Channel<T>;
  readonly #tasks: Task<void>[] = [];
  readonly #stopped = new AbortController();

  /** @internal */
  constructor(
    home: Home,
    source: Iterable<unknown> | AsyncIterable<unknown>,
    stages: readonly (Stage | Stages)[],
    options: PipelineOptions,
  ) {
    // All of it is looked at before anything starts.
    const all = requireStages(stages);
    const { capacity = 16, signal } = options;
    const channels = Array.from({ length: all.length + 1 }, () => new Channel<unknown>(home, capacity));
    const items = new Source<unknown>(source, "pipeline");
    this.#channels = channels;
    this.#last = channels.at(-1) as Channel<T>;
    const ended: Promise<unknown>[] = [];
    try {
      all.forEach(({ stage, tasks }, i) => {
        const running = Array.from({ length: tasks }, () => {
          const task = home.go(stage(channels[i], channels[i + 1]));
          this.#tasks.push(task);
          return task;
        });
        ended.push(Promise.all(running).then(() => channels[i + 1].close()));
      });
    } catch (error) {
      this.cancel(error);
      for (const each of [...ended, items.close()]) silence(each);
      throw error;
    }
    ended.push(this.#feed(items, channels[0]).then(() => channels[0].close()));
    for (const each of ended) each.catch((error) => this.cancel(error));
    if (signal?.aborted) this.cancel(signal.reason);
    else if (signal !== undefined) {
      const unfollow = whenAborted(signal, (reason) => this.cancel(reason));
      Promise.all(ended).then(unfollow, unfollow);
    }
  }

  /** The end of the pipeline closes the source's iterator, also while an item is on its way. */
  async #feed(source: Source<unknown>, first: Channel<unknown>): Promise<void> {
    const { signal } = this.#stopped;
    const leave = () => silence(source.close());
    const unfollow = whenAborted(signal, leave);
    try {
      for (;;) {
        const { value, done } = await source.next();
        if (done) return;
        await first.send(value, { signal });
      }
    } catch (error) {
      leave();
      throw error;
    } finally {
      unfollow();
    }
  }

  /** Cancels all stages. What waits for the pipeline rejects with the reason. Default: an `AbortError`. */
  cancel(reason: unknown = defaultReason()): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort(reason);
    for (const task of this.#tasks) task.cancel(reason);
    // Stages may wait there, and nobody would come: an operation is not its task's.
    for (const channel of this.#channels) if (!channel.closed) channel.close();
  }

  /** What comes out. Leaving the loop early cancels the pipeline. */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const { signal } = this.#stopped;
    try {
      for (;;) {
        signal.throwIfAborted();
        const got = this.#last.tryRecv();
        if (got?.done) break;
        yield got === undefined ? await this.#receive(signal) : got.value;
      }
    } catch (error) {
      if (!this.#last.closed || signal.aborted) throw error;
    } finally {
      this.cancel();
    }
  }

  #receive(signal: AbortSignal): Promise<T> {
    return this.#last.recv({ signal });
  }

  /** As a stream. Cancelling the stream cancels the pipeline. */
  readable(): ReadableStream<T> {
    return ReadableStream.from<T>(this);
  }

  /** Writes what comes out into a stream, and closes it. Resolves when that is done. */
  pipeTo(writable: WritableStream<T>): Promise<void> {
    return this.readable().pipeTo(writable);
  }
}

function requireStages(stages: readonly (Stage | Stages)[]): Stages[] {
  if (!Array.isArray(stages)) {
    throw new TypeError(`pipeline(…, ${String(stages)}): give an array of stages.`);
  }
  return stages.map((each: Stage | Stages): Stages => {
    const { stage, tasks } = typeof each === "object" && each !== null ? each : { stage: each, tasks: 1 };
    requireDefinition("pipeline", stage);
    return { stage, tasks: requireInteger("tasks", tasks, 1) };
  });
}
