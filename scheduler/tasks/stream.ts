/**
 * Tasks that yield many results, from generator functions: how a call of one is known, and what starting it gives.
 *
 * Such a task is a plain one with one more argument, before all others: where it sends what it yields. Who starts it makes a
 * channel for that, and closes it when the task has settled: sync/stream.ts.
 */
import { type Definition, GO_OPTIONS, type GoOptions, IS_STREAM_CALL } from "./call.ts";
import type { TaskFunction, TaskState } from "./call.ts";
import type { Names, WaitOptions } from "./options.ts";

/** One call of a task that yields many results, not started yet. It can be started any number of times. */
export class StreamCall<T> {
  /** @internal */
  readonly definition: Definition;
  /** @internal */
  readonly args: readonly unknown[];
  /** Only for the type checker: what the task yields. */
  declare readonly item: T;

  /** @internal */
  constructor(definition: Definition, args: readonly unknown[]) {
    this.definition = definition;
    this.args = args;
  }
}
Object.defineProperty(StreamCall.prototype, IS_STREAM_CALL, { value: true });
Object.defineProperty(StreamCall.prototype, "then", {
  value(this: StreamCall<unknown>) {
    const { name } = this.definition;
    throw new TypeError(
      `A call of "${name}" was awaited that nobody has started: iterate over go(${name}(…)).`,
    );
  },
});

/** From whichever instance of this module. */
export function isStreamCall(call: unknown): call is StreamCall<unknown> {
  return (call as { [IS_STREAM_CALL]?: true } | null | undefined)?.[IS_STREAM_CALL] === true;
}

/**
 * What a started task yields, in its order. The task goes on while results wait, up to the `window`; then it waits at its `yield`.
 * What it throws is thrown after the results before it, and so is what has ended it otherwise: its thread's death, or the
 * scheduler's end. Results are for one reader: of several each gets some. If nobody reads, the task waits.
 */
export interface TaskStream<T> extends AsyncIterable<T> {
  /** Of the task: unique within its scheduler. */
  readonly id: number;
  /** Of the task, at this moment. It may be done while results wait. */
  readonly state: TaskState;
  /** What the task reports beside its results, as of a {@linkcode Task}. */
  readonly progress: AsyncIterable<unknown>;
  /**
   * Cancels the task, as a {@linkcode Task} is: the next look for a result throws the reason, whatever waits, and the task's `yield`
   * does not return, so that its `finally` runs. Leaving a `for await` early does the same. Nothing happens if the task has ended.
   */
  cancel(reason?: unknown): void;
  /** A `return()` ends a `next()` that is on its way. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
}

/** Options of starting a task that yields many results. */
export interface StreamOptions extends GoOptions {
  /** How many results may wait until they are read, from 0 to 65,000. Default: 16. */
  window?: number;
}

export const STREAM_OPTIONS = { ...GO_OPTIONS, window: true } satisfies Names<StreamOptions>;

/** Where such a task sends what it yields. */
interface Outlet {
  send(value: unknown, options: WaitOptions): Promise<void>;
}

/** As the language names the prototypes of `function*` and `async function*`. */
export function isGeneratorFunction(fn: TaskFunction): boolean {
  const kind = Object.getPrototypeOf(fn)?.[Symbol.toStringTag];
  return kind === "GeneratorFunction" || kind === "AsyncGeneratorFunction";
}

/**
 * What runs for a generator function: a `for await` over it, in words that the model checker can rewrite. Where a send rejects, the
 * generator's `yield` does not return.
 */
export function feeding(fn: TaskFunction): TaskFunction {
  return async (ctx, outlet: Outlet, ...args) => {
    const { signal } = ctx;
    const results = fn(ctx, ...args) as AsyncGenerator | Generator;
    try {
      for (;;) {
        const { value, done } = await results.next();
        if (done) return;
        await outlet.send(await value, { signal });
      }
    } finally {
      // Nothing happens if it has ended.
      await results.return(undefined);
    }
  };
}
