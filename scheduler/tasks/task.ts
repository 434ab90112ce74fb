/** Task definitions, calls of them, and the promise that a started call is. */
import type { ErrorClass } from "../codec/codec.ts";
import type { TaskContext } from "./context.ts";
import { type Names, requireOptions, requireSignal, shown } from "./options.ts";

/** What is known of a definition in one isolate. */
export interface Definition {
  /** The URL of the module that made it. */
  readonly module: string;
  readonly name: string;
  readonly fn: TaskFunction;
  /** By which all isolates know it: see `keyOf`. */
  readonly key: string;
}

// deno-lint-ignore no-explicit-any
type TaskFunction = (ctx: TaskContext, ...args: any[]) => unknown;

/**
 * In a thread, the bundled scheduler and the `mod.ts` that a task module imports are two instances of these modules.
 * What they must share hangs on the global object.
 */
interface Registry {
  /** By key. */
  readonly definitions: Map<string, Definition>;
  /** True in a Heddle thread. */
  isThread: boolean;
}

const REGISTRY = Symbol.for("heddle.registry");
const IS_CALL = Symbol.for("heddle.call");
const IS_TASK = Symbol.for("heddle.task");

export const registry: Registry = (globalThis as unknown as Record<symbol, Registry>)[REGISTRY] ??= {
  definitions: new Map(),
  isThread: false,
};

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

/** Throws unless it is a call of a task, from whichever instance of this module. */
export function requireCall(call: unknown): asserts call is Call<unknown> {
  if ((call as { [IS_CALL]?: true } | null | undefined)?.[IS_CALL] === true) return;
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
export function isTask(value: unknown): value is TaskDefinition<never[], unknown> {
  return typeof value === "function" && IS_TASK in value;
}

/** A registered function. Calling it makes a {@linkcode Call}. */
export interface TaskDefinition<A extends unknown[], R> {
  (...args: A): Call<R>;
  /** The function itself, for a direct call. */
  readonly fn: (ctx: TaskContext, ...args: A) => R | Promise<R>;
}

/**
 * Registers a function as a task, so that every thread can find it: threads import the module by its URL. So it is
 * called at the top level of a module, and the module must be safe to import: keep a program's own start behind
 * `if (import.meta.main)`.
 *
 * Arguments and results are copied, as by `structuredClone`, whether or not the task changes threads.
 *
 * @param meta The `import.meta` of the module.
 * @param name Unique in that module. In a bundle, tasks of one name from several modules are told apart by their functions.
 * @param fn What runs. Its first parameter is the task's {@linkcode TaskContext}.
 * @throws {TypeError} if the module has defined the same before, or an argument is not what it should be.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go, task } from "@heddle/heddle";
 *
 * export const double = task(import.meta, "double", (_ctx, n: number) => 2 * n);
 *
 * if (import.meta.main) assertEquals(await go(double(21)), 42);
 * ```
 */
export function task<A extends unknown[], R>(
  meta: ImportMeta,
  name: string,
  fn: (ctx: TaskContext, ...args: A) => R | Promise<R>,
): TaskDefinition<A, R> {
  if (typeof meta?.url !== "string") {
    throw new TypeError(
      `task(${shown(meta)}, …): give import.meta, whose url tells threads what to import.`,
    );
  }
  if (typeof name !== "string" || name === "" || name.includes("#")) {
    throw new TypeError(
      `task(import.meta, ${typeof name === "string" ? JSON.stringify(name) : shown(name)}, …): ` +
        `give a name without "#".`,
    );
  }
  if (typeof fn !== "function") {
    throw new TypeError(`task(import.meta, "${name}", ${shown(fn)}): give a function.`);
  }
  const key = keyOf(meta.url, name, fn);
  if (registry.definitions.has(key)) {
    throw new TypeError(
      `${meta.url} defines a second task "${name}" with the same function: threads could not tell them apart. ` +
        `A name is unique in its module; if this is a bundle of several modules, give one of them another name.`,
    );
  }
  const definition: Definition = { module: meta.url, name, fn, key };
  registry.definitions.set(key, definition);
  const call = (...args: A) => new Call<R>(definition, args);
  Object.defineProperty(call, "name", { value: name, configurable: true });
  return Object.assign(call, { fn, [IS_TASK]: true });
}

/**
 * The key of a definition: module, name and what the function's source text comes to. A bundle makes one module of several,
 * which may each have a task of that name; the order in which they define them may be another one in each thread, their
 * text is not. So no thread ever runs one function in another one's place.
 */
export function keyOf(module: string, name: string, fn: TaskFunction): string {
  // Not the function's own toString, which is whatever its module makes of it.
  const text = Function.prototype.toString.call(fn);
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${module}#${name}#${(hash >>> 0).toString(36)}`;
}

/**
 * - `"queued"`: not started. No thread has it yet, or one has and is busy.
 * - `"running"`: started, and bound to its thread.
 * - `"done"`, `"failed"`: its promise is resolved, or rejected with what it threw.
 * - `"cancelled"`: its promise is rejected with the reason, whether or not it had started.
 */
export type TaskState = "queued" | "running" | "done" | "failed" | "cancelled";

/** Throws unless it is what `task` returns. */
export function requireDefinition(what: string, value: unknown): void {
  if (typeof value === "function" && typeof (value as { fn?: unknown }).fn === "function") return;
  const given = typeof value === "function" ? `the function ${value.name || "(anonymous)"}` : String(value);
  throw new TypeError(`${what}(…): ${given} is not a task: define one with task(import.meta, "name", fn).`);
}

/** A started call: a promise of its result. */
export interface Task<R> extends Promise<R> {
  /** Unique within its scheduler. */
  readonly id: number;
  /** At this moment. */
  readonly state: TaskState;
  /**
   * Rejects the promise with `reason` at once (an `AbortError` if none is given). If the task has not started, it never will;
   * if it runs, its `ctx.signal` is aborted with the reason, and what it returns is dropped. Nothing happens if it has
   * ended.
   *
   * A cancelled task that nobody awaits is no unhandled rejection.
   */
  cancel(reason?: unknown): void;
}

/** What stands behind a Task in the isolate that started it. */
export interface Caller {
  readonly id: number;
  /** False if it had settled before. Otherwise the caller of this silences the promise. */
  cancel(reason: unknown): boolean;
}

/** Where a new promise leaves its function. */
export interface Resolver {
  resolve: (value: unknown) => void;
}

/**
 * What a promise is resolved with so that it rejects, a turn of the microtask queue later. So who parks by the hundred
 * thousand keeps one of its two functions; the other one takes 56 bytes.
 */
export class Rejection {
  readonly #reason: unknown;

  constructor(reason: unknown) {
    this.#reason = reason;
  }

  then(_resolve: unknown, reject: (reason: unknown) => void): void {
    reject(this.#reason);
  }
}

/** Where it leaves both of them. */
export interface Settler extends Resolver {
  reject: (reason: unknown) => void;
}

let settler: Settler;

/** A promise that `its` resolves. */
export function promiseOf(its: Resolver): Promise<unknown> {
  return new Promise((resolve) => {
    its.resolve = resolve;
  });
}

function keepSettler(resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
  settler.resolve = resolve;
  settler.reject = reject;
}

/** A promise that `settler` settles. */
export function plainPromise(its: Settler): Promise<unknown> {
  settler = its;
  return new Promise(keepSettler);
}

/** The host's task: its state is looked up. */
export class HostTask extends Promise<unknown> implements Task<unknown> {
  declare caller: Caller & { readonly state: TaskState };

  static start(caller: HostTask["caller"] & Settler): HostTask {
    settler = caller;
    const task = new HostTask(keepSettler);
    task.caller = caller;
    return task;
  }

  get id(): number {
    return this.caller.id;
  }

  get state(): TaskState {
    return this.caller.state;
  }

  cancel(reason: unknown = defaultReason()): void {
    if (this.caller.cancel(reason)) silence(this);
  }
}

// What follows a task is no task: then() makes plain promises. And `await` takes a promise as it is if its constructor
// is Promise; an instance of a subclass it wraps in another one.
HostTask.prototype.constructor = Promise;

/** A child as its parent's thread has it. `state` is assigned to; see `watchState`. */
export interface ChildTask extends Task<unknown> {
  state: TaskState;
  readonly caller: Caller;
}

/**
 * A plain promise with properties of its own. As an instance of a subclass, a child's start and await takes 185 ns
 * instead of 145: construction and `await` leave V8's fast paths. To reject it, resolve it with a Rejection.
 */
export function newChildTask(caller: Caller & Resolver): ChildTask {
  const promise = promiseOf(caller) as { -readonly [Key in keyof ChildTask]: ChildTask[Key] };
  promise.id = caller.id;
  promise.state = "queued";
  promise.cancel = cancelTask;
  promise.caller = caller;
  return promise;
}

function cancelTask(this: ChildTask, reason: unknown = defaultReason()): void {
  if (this.caller.cancel(reason)) silence(this);
}

/** `state` is what `look` says, until it is assigned to: for a task that runs where its caller does not see it. */
export function watchState(task: ChildTask, look: () => TaskState): void {
  Object.defineProperty(task, "state", {
    configurable: true,
    enumerable: true,
    get: look,
    set: (value) => Object.defineProperty(task, "state", { value, writable: true }),
  });
}

/** Options of one start. */
export interface GoOptions {
  /** Aborting it cancels the task with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds from now until the task is cancelled with a {@linkcode TaskTimeoutError}. Default: never. */
  timeout?: number;
  /** Shown instead of the definition's name. */
  name?: string;
}

export const GO_OPTIONS = { signal: true, timeout: true, name: true } satisfies Names<GoOptions>;

/** What they say, read once: they may be getters. Throws a TypeError or a RangeError. */
export function requireGoOptions(
  what: string,
  options: GoOptions,
  names: Readonly<Record<string, true>> = GO_OPTIONS,
): GoOptions {
  requireOptions(what, options, names);
  const { signal, timeout, name } = options;
  requireSignal(what, signal);
  if (timeout !== undefined && !(typeof timeout === "number" && timeout >= 0)) {
    throw new RangeError(`${what}: timeout is ${shown(timeout)}: give milliseconds, 0 or more.`);
  }
  if (name !== undefined && typeof name !== "string") {
    throw new TypeError(`${what}: name is ${shown(name)}: give a string.`);
  }
  return { signal, timeout, name };
}

/** What `cancel()` without a reason rejects with. */
export function defaultReason(): DOMException {
  return new DOMException("The task was cancelled", "AbortError");
}

/** A promise that was rejected on purpose is not an unhandled rejection. */
export function silence(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

/** The first parts of a key in the task table: a name has no "#". */
export function splitKey(key: string): [module: string, name: string] {
  const end = key.lastIndexOf("#");
  const middle = key.lastIndexOf("#", end - 1);
  return [key.slice(0, middle), key.slice(middle + 1, end)];
}

/** Finds the error classes that a task's module exports. It has been imported before, so this takes no time. */
export async function exportedClasses(module: string): Promise<(name: string) => ErrorClass | undefined> {
  const exports: Record<string, unknown> = await import(module).catch(() => ({}));
  return (name) => {
    try {
      const found = exports[name];
      return typeof found === "function" && found.prototype instanceof Error
        ? found as ErrorClass
        : undefined;
    } catch {
      // The module has not come to where it defines that, or the class has getters that throw.
      return undefined;
    }
  };
}
