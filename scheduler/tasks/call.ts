/** A call of a task, how it is started, and what a started one is. */
import { requireTransfer } from "../codec/moves.ts";
import { type Names, requireOptions, requireSignal, shown } from "./options.ts";
import { type Priority, requirePriority } from "./priority.ts";
import { isTaskSignal, type TaskSignal } from "./task_controller.ts";

/** What is known of a definition in one isolate. */
export interface Definition {
  /** The URL of the module that made it. */
  readonly module: string;
  readonly name: string;
  readonly fn: TaskFunction;
  /** By which all isolates know it: see `keyOf`. */
  readonly key: string;
}

/** Its first parameter is a TaskContext, whose own words are those of this file. */
// deno-lint-ignore no-explicit-any
export type TaskFunction = (ctx: any, ...args: any[]) => unknown;

const IS_CALL = Symbol.for("heddle.call");
/** Calls of tasks that yield many results have it, and not the other. */
export const IS_STREAM_CALL = Symbol.for("heddle.streamCall");
/** What `task` returns has it. */
export const IS_TASK = Symbol.for("heddle.task");

/**
 * One call of a task, not started yet: `sched.go(call)` and `ctx.go(call)` start it. It can be started any number of
 * times.
 */
export class Call<R> {
  /** @internal */
  readonly definition: Definition;
  /** @internal */
  readonly args: readonly unknown[];
  /** Only for the type checker: what the task returns. */
  declare readonly result: R;

  /** @internal */
  constructor(definition: Definition, args: readonly unknown[]) {
    this.definition = definition;
    this.args = args;
  }
}
Object.defineProperty(Call.prototype, IS_CALL, { value: true });
// `await sum(1, 2)` would be the call itself, and nothing would have run. No type says that it can be awaited.
Object.defineProperty(Call.prototype, "then", {
  value(this: Call<unknown>, _resolve: unknown, reject: unknown) {
    const error = new TypeError(
      `A call of task "${this.definition.name}" was awaited that nobody has started: await go(${this.definition.name}(…)).`,
    );
    if (typeof reject !== "function") throw error;
    reject(error);
  },
});

/** Whether it is a call of a task with one result, from whichever instance of this module. */
export function isCall(call: unknown): call is Call<unknown> {
  return (call as { [IS_CALL]?: true } | null | undefined)?.[IS_CALL] === true;
}

/** Throws unless it is one. */
export function requireCall(call: unknown): asserts call is Call<unknown> {
  if (isCall(call)) return;
  if ((call as { [IS_STREAM_CALL]?: true } | null | undefined)?.[IS_STREAM_CALL] === true) {
    const { name } = (call as { definition: Definition }).definition;
    throw new TypeError(`${name} yields many results, and here one is wanted: iterate over go(${name}(…)).`);
  }
  if (isTask(call)) {
    throw new TypeError(
      `${call.name} is not a call of a task: you passed the task itself, give go(${call.name}()) with its arguments.`,
    );
  }
  const given = typeof call === "function" ? `the function ${call.name || "(anonymous)"}` : shown(call);
  throw new TypeError(
    `${given} is not a call of a task: define one with task(import.meta, "name", fn) and start definition(...args).`,
  );
}

/** Whether it is what `task()` returns, from whichever instance of this module. */
export function isTask(value: unknown): value is () => Call<unknown> {
  return typeof value === "function" && IS_TASK in value;
}

/**
 * - `"queued"`: not started. No thread has it yet, or one has and is busy.
 * - `"running"`: started, and bound to its thread.
 * - `"done"`, `"failed"`: its promise is resolved, or rejected with what it threw.
 * - `"cancelled"`: its promise is rejected with the reason, whether or not it had started.
 */
export type TaskState = "queued" | "running" | "done" | "failed" | "cancelled";

/** A started call: a promise of its result. */
export interface Task<R> extends Promise<R> {
  /** Unique within its scheduler. */
  readonly id: number;
  /** At this moment. */
  readonly state: TaskState;
  /**
   * What the task has said of itself by {@linkcode TaskContext.report}: the latest, and then what is newer each time that it is asked. So
   * a slow reader misses values and never the last one, and holds up nobody. Ends when the task has, however that is; of a failure
   * the promise tells, so await that, too. Each loop sees for itself, and may begin at any time.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { go } from "@heddle/heddle";
   * import { countTo } from "./tasks.ts";
   *
   * // export const countTo = task(import.meta, "countTo", (ctx, end: number) => {
   * //   for (let n = 1; n <= end; n++) ctx.report(n / end);
   * //   return end;
   * // });
   * const task = go(countTo(1000));
   * let done: unknown;
   * for await (const part of task.progress) done = part;
   * assertEquals([done, await task], [1, 1000]);
   * ```
   */
  readonly progress: AsyncIterable<unknown>;
  /**
   * Rejects the promise with `reason` at once (an `AbortError` if none is given). If the task has not started, it never will;
   * if it runs, its `ctx.signal` is aborted with the reason, and what it returns is dropped. Nothing happens if it has
   * ended.
   *
   * A cancelled task that nobody awaits is no unhandled rejection.
   */
  cancel(reason?: unknown): void;
}

/** Options of one start. */
export interface GoOptions {
  /** Aborting it cancels the task with the signal's reason. That of a {@linkcode TaskController} has the task's priority, too. */
  signal?: AbortSignal;
  /** Milliseconds from now until the task is cancelled with a {@linkcode TaskTimeoutError}. Default: never. */
  timeout?: number;
  /** Shown instead of the definition's name. */
  name?: string;
  /**
   * What comes first among tasks that wait for a thread; their order within one priority is kept as far as it was. Children
   * inherit it. Default: `"user-visible"`, in a task its own.
   *
   * Nothing starves: user-blocking tasks leave at least a tenth of a thread's turns to others, and a background task begins in about
   * one of 122 turns of each thread, whatever else there is. (A turn runs a task, or what comes after an `await` of one, to its next
   * `await`.) What computes on loses its thread only to tasks that are not in the background. After WICG's `scheduler.postTask`.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { go } from "@heddle/heddle";
   * import { sum } from "./tasks.ts";
   *
   * const backlog = Array.from({ length: 100 }, (_, n) => go(sum(0, n), { priority: "background" }));
   * assertEquals(await go(sum(0, 10), { priority: "user-blocking" }), 45);
   * await Promise.all(backlog);
   * ```
   */
  priority?: Priority;
  /**
   * Of the arguments, what is given up instead of copied, as in `structuredClone`: `ArrayBuffer`s, such as the buffer of an
   * array, `MessagePort`s, and streams. Detached once the task is started, and then it takes the same time whatever its size. Ports
   * and streams are given up whether or not they are listed.
   * {@linkcode move} does the same for a whole argument.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { go } from "@heddle/heddle";
   * import { byteSum } from "./tasks.ts";
   *
   * const bytes = new Uint8Array(1 << 20).fill(1);
   * assertEquals(await go(byteSum(bytes), { transfer: [bytes.buffer] }), 1 << 20);
   * assertEquals(bytes.length, 0);
   * ```
   */
  transfer?: Transferable[];
}

export const GO_OPTIONS = {
  signal: true,
  timeout: true,
  name: true,
  priority: true,
  transfer: true,
} satisfies Names<GoOptions>;

/** Options of a start as they were read. */
export interface StartOptions extends GoOptions {
  /** Its priority is the task's. */
  followed?: TaskSignal;
}

/** What they say, read once: they may be getters. Throws a TypeError or a RangeError. */
export function requireGoOptions(
  what: string,
  options: GoOptions,
  names: Readonly<Record<string, true>> = GO_OPTIONS,
): StartOptions {
  requireOptions(what, options, names);
  const { signal, timeout, name, priority, transfer } = options;
  requireSignal(what, signal);
  if (timeout !== undefined) requireTimeout(what, timeout);
  if (name !== undefined && typeof name !== "string") {
    throw new TypeError(`${what}: name is ${shown(name)}: give a string.`);
  }
  if (priority !== undefined) requirePriority(what, priority);
  const required: StartOptions = { signal, timeout, name, priority };
  if (transfer !== undefined) required.transfer = requireTransfer(what, transfer);
  if (priority === undefined && isTaskSignal(signal)) {
    required.priority = signal.priority;
    required.followed = signal;
  }
  return required;
}

export function requireTimeout(what: string, timeout: unknown): void {
  if (typeof timeout === "number" && timeout >= 0) return;
  throw new RangeError(`${what}: timeout is ${shown(timeout)}: give milliseconds, 0 or more.`);
}
