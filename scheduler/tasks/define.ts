/** Task definitions: how they are made, and found again in another thread. */
import type { ErrorClass } from "../codec/codec.ts";
import { Call, type Definition, IS_TASK, type TaskFunction } from "./call.ts";
import type { TaskContext } from "./context.ts";
import { shown } from "./options.ts";
import { PerThread, type ThreadIdentity } from "./per_thread.ts";
import { feeding, isGeneratorFunction, StreamCall } from "./stream.ts";

/**
 * In a thread, the bundled scheduler and the `mod.ts` that a task module imports are two instances of these modules: in this
 * repository, where sources are imported; the package's `mod.js` gives tasks the bundle's own. What instances must share hangs on
 * the global object.
 */
interface Registry {
  /** By key, and by name. */
  readonly definitions: Map<string, Definition>;
  /** The same for what each thread sets up for itself. */
  readonly perThreads: Map<string, PerThread<unknown>>;
  /** True in a Heddle thread. */
  isThread: boolean;
  /** In a thread: all that `mod.ts` exports, for `mod.js`. */
  heddle?: object;
  /** In a thread: whose the operations are that name no channel or lock. What that is, the room of what tasks share knows. */
  home?: unknown;
  /** In a thread whose awaits are watched: what runs in place of a task's function. machine/await_watch.ts. */
  wrap?(key: string, fn: TaskFunction): TaskFunction;
}

const REGISTRY = Symbol.for("heddle.registry");

export const registry: Registry = (globalThis as unknown as Record<symbol, Registry>)[REGISTRY] ??= {
  definitions: new Map(),
  perThreads: new Map(),
  isThread: false,
};

/** A registered function. Calling it makes a {@linkcode Call}. */
export interface TaskDefinition<A extends unknown[], R> {
  (...args: A): Call<R>;
  /** The function itself, for a direct call. */
  readonly fn: (ctx: TaskContext, ...args: A) => R | Promise<R>;
}

/** A registered generator function. Calling it makes a {@linkcode StreamCall}. */
export interface StreamDefinition<A extends unknown[], T> {
  (...args: A): StreamCall<T>;
  /** The function itself, for a direct call. */
  readonly fn: (ctx: TaskContext, ...args: A) => AsyncGenerator<T> | Generator<T>;
}

/** What TypeScript can tell to be no argument: functions and classes, symbols, and what holds its values weakly. */
export type Uncloneable<T> = 0 extends 1 & T ? never
  : T extends ((...args: never) => unknown) | (abstract new (...args: never) => unknown) | symbol ? T
  : T extends WeakMap<WeakKey, unknown> | WeakSet<WeakKey> | WeakRef<WeakKey> | PromiseLike<unknown> ? T
  : T extends readonly (infer E)[]
    ? (0 extends 1 & E ? never : E extends (...args: never) => unknown ? E : never)
  : never;

/** Anything, if all arguments of these types can be copied. If not, no name of a task is one, and the error shows why. */
export type Cloneable<A extends unknown[]> = [Uncloneable<A[number]>] extends [never] ? unknown
  : { "an argument of this type cannot be copied to another thread": Uncloneable<A[number]> };

/** What a function is that is one by its type: to TypeScript those that return never or any are generator functions, too. */
export type GeneratorDefinition<A extends unknown[], G> = [G] extends [never] ? TaskDefinition<A, G>
  : 0 extends 1 & G ? TaskDefinition<A, G>
  : [G] extends [AsyncGenerator<infer T> | Generator<infer T>] ? StreamDefinition<A, T>
  : never;

/**
 * Registers a generator function, `async` or not, as a task that yields many results: starting it gives a {@linkcode TaskStream}. It
 * has to be one itself: a function that returns what another one yields is none. What it returns at last is dropped.
 *
 * @param meta The `import.meta` of the module.
 * @param name Unique in that module.
 * @param fn What runs. Its first parameter is the task's {@linkcode TaskContext}.
 * @throws {TypeError} as for a task with one result.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go } from "@heddle/heddle";
 * import { triangular } from "./tasks.ts";
 *
 * // export const triangular = task(import.meta, "triangular", function* (_ctx, from: number) {
 * //   for (let n = from, sum = 0;; n++) yield sum += n;
 * // });
 * const seen = [];
 * for await (const sum of go(triangular(1))) {
 *   if (sum > 20) break;
 *   seen.push(sum);
 * }
 * assertEquals(seen, [1, 3, 6, 10, 15]);
 * ```
 */
export function task<A extends unknown[], G extends AsyncGenerator | Generator>(
  meta: ImportMeta,
  name: string & Cloneable<A>,
  fn: (ctx: TaskContext, ...args: A) => G,
): GeneratorDefinition<A, G>;
/**
 * Registers a function as a task, so that every thread can find it: threads import the module by its URL. So it is
 * called at the top level of a module, and the module must be safe to import: keep a program's own start behind
 * `if (import.meta.main)`.
 *
 * Arguments and results are copied, as by `structuredClone`, whether or not the task changes threads. An `AbortSignal` among the
 * arguments is live: what the task has is aborted when that is, with the same reason, as long as the task runs. A stream among them
 * is given up, and what the task has reads from it, or writes to it, as long as the task runs.
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
 *
 * @example A signal among the arguments
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Channel, go, task } from "@heddle/heddle";
 *
 * export const hears = task(import.meta, "hears", async (ctx, options: { signal: AbortSignal }) => {
 *   await new Channel<void>(ctx).recv(options).catch(() => {});
 *   return options.signal.reason;
 * });
 *
 * if (import.meta.main) {
 *   const controller = new AbortController();
 *   const task = go(hears({ signal: controller.signal }));
 *   controller.abort("enough");
 *   assertEquals(await task, "enough");
 * }
 * ```
 *
 * @example A stream among the arguments
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go, task } from "@heddle/heddle";
 *
 * export const count = task(import.meta, "count", async (_ctx, bytes: ReadableStream<Uint8Array>) => {
 *   let count = 0;
 *   for await (const chunk of bytes) count += chunk.length;
 *   return count;
 * });
 *
 * if (import.meta.main) assertEquals(await go(count(new Response("x".repeat(100_000)).body!)), 100_000);
 * ```
 */
export function task<A extends unknown[], R>(
  meta: ImportMeta,
  name: string & Cloneable<A>,
  fn: (ctx: TaskContext, ...args: A) => R | Promise<R>,
): TaskDefinition<A, R>;
/**
 * The same with the type of the calls given, as a generic task needs it: TypeScript infers no type parameters of what an object is.
 *
 * @throws {TypeError} as above.
 *
 * @example
 * ```ts
 * import { type Call, task } from "@heddle/heddle";
 *
 * export const last = task<<T>(list: T[]) => Call<T>>(import.meta, "last", (_ctx, list) => list.at(-1));
 *
 * const call: Call<number> = last([1, 2, 3]);
 * ```
 */
export function task<F extends (...args: never) => Call<unknown> = never>(
  meta: ImportMeta,
  name: [F] extends [never] ? never : string,
  fn: (ctx: TaskContext, ...args: Parameters<F>) => unknown,
): F & { readonly fn: (ctx: TaskContext, ...args: Parameters<F>) => unknown };
export function task(meta: ImportMeta, name: string, fn: TaskFunction): unknown {
  const key = requireKey("task", registry.definitions, meta, name, fn);
  const isStream = isGeneratorFunction(fn);
  // For stacks. It may be frozen.
  if (fn.name === "") Reflect.defineProperty(fn, "name", { value: name, configurable: true });
  const runs = isStream ? feeding(fn) : fn;
  const definition = { module: meta.url, name, fn: registry.wrap?.(key, runs) ?? runs, key };
  registry.definitions.set(key, definition);
  const nameKey = keyOfName(meta.url, name);
  registry.definitions.set(nameKey, registry.definitions.has(nameKey) ? ambiguous(definition) : definition);
  const call = isStream
    ? (...args: unknown[]) => new StreamCall(definition, args)
    : (...args: unknown[]) => new Call(definition, args);
  return asTask(call, name, fn);
}

/** What makes calls of a task is the task. */
export function asTask(call: (...args: unknown[]) => unknown, name: string, fn: TaskFunction): unknown {
  Object.defineProperty(call, "name", { value: name, configurable: true });
  return Object.assign(call, { fn, [IS_TASK]: true });
}

/**
 * Registers what each thread is to set up for itself: a model, a connection, a graphics context, whatever cannot be copied and
 * costs too much for each task. `ctx.use` opens it on the thread that the task runs on, once: tasks that ask meanwhile await the
 * same promise, and later ones get what is there. A failure is told to all who asked, and the next `ctx.use` tries again.
 *
 * `Scheduler.start({ warm: [model] })` opens it on each of the pool's first `procs` threads before it resolves. Other threads open
 * it with the first task that uses it: those that are dedicated, and those that come later, in the place of one that has died, or
 * that blocks.
 *
 * As `task`, it is called at the top level of a module that every thread can import. After thread-local storage with
 * destructors (POSIX's `pthread_key_create`), and the lazy ones of Rust's `thread_local!`.
 *
 * @param meta The `import.meta` of the module.
 * @param name Unique in that module.
 * @param open What makes it; may be `async`. It gets the thread's numbers.
 * @param close Called with what `open` gave when the thread ends by itself: since the scheduler is closed, the pool has had too
 * many threads for a while, or the task has ended that the thread was dedicated to. What was opened last is closed first. All of
 * them together have a second, in which a promise is awaited; what they throw is told on the console, and the thread ends. **Not
 * called** if the thread dies (`process.exit`, a full heap), is frozen for good or is terminated, as one that still computes when
 * the scheduler is closed; nor by the default scheduler, which is never closed, at the end of the process.
 * @throws {TypeError} if the module has defined the same before, or an argument is not what it should be.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Scheduler } from "@heddle/heddle";
 * import { knows, words } from "./tasks.ts";
 *
 * // export const words = perThread(import.meta, "words", async () => new Set(await load()), (set) => set.clear());
 * // export const knows = task(import.meta, "knows", async (ctx, word: string) => (await ctx.use(words)).has(word));
 *
 * await using sched = await Scheduler.start({ procs: 2, warm: [words] });
 * assertEquals(await Promise.all(["weft", "wefts"].map((word) => sched.go(knows(word)))), [true, false]);
 * ```
 */
export function perThread<T>(
  meta: ImportMeta,
  name: string,
  open: (thread: ThreadIdentity) => T | Promise<T>,
  close?: (value: T) => void | Promise<void>,
): PerThread<T> {
  const key = requireKey("perThread", registry.perThreads, meta, name, open);
  if (close !== undefined && typeof close !== "function") {
    throw new TypeError(
      `perThread(import.meta, "${name}", …, ${shown(close)}): give a function, or nothing.`,
    );
  }
  const made = new PerThread<T>(meta.url, name, key, open, close);
  registry.perThreads.set(key, made);
  return made;
}

/** The key of what is to be registered. Throws a TypeError for what cannot be. */
function requireKey(
  what: string,
  registered: ReadonlyMap<string, unknown>,
  meta: ImportMeta,
  name: string,
  fn: TaskFunction,
): string {
  if (typeof meta?.url !== "string") {
    throw new TypeError(
      `${what}(${shown(meta)}, …): give import.meta, whose url tells threads what to import.`,
    );
  }
  if (typeof name !== "string" || name === "" || name.includes("#")) {
    throw new TypeError(
      `${what}(import.meta, ${typeof name === "string" ? JSON.stringify(name) : shown(name)}, …): ` +
        `give a name without "#".`,
    );
  }
  if (typeof fn !== "function") {
    throw new TypeError(`${what}(import.meta, "${name}", ${shown(fn)}): give a function.`);
  }
  const key = keyOf(meta.url, name, fn);
  if (!registered.has(key)) return key;
  throw new TypeError(
    `${meta.url} defines a second ${what} "${name}" with the same function: threads could not tell them apart. ` +
      `A name is unique in its module; if this is a bundle of several modules, give one of them another name.`,
  );
}

/**
 * The key of a definition: module, name and what the function's source text comes to. A bundle makes one module of several,
 * which may each have a task of that name; the order in which they define them may be another one in each thread, their
 * text is not. So no thread ever runs one function in another one's place.
 */
function keyOf(module: string, name: string, fn: TaskFunction): string {
  // Not the function's own toString, which is whatever its module makes of it.
  const text = Function.prototype.toString.call(fn);
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${module}#${name}#${(hash >>> 0).toString(36)}`;
}

/** By which a definition is known to who has not seen its function: see tasks_from.ts. */
export function keyOfName(module: string, name: string): string {
  return `${module}#${name}#`;
}

/** In a bundle. */
function ambiguous({ module, name, key }: Definition): Definition {
  const fn = () => {
    throw new TypeError(
      `${module} defines several tasks "${name}", from several modules: import the task itself, or give one another name.`,
    );
  };
  return { module, name, fn, key };
}

/** Throws unless it is what `task` returns for a function with one result. */
export function requireDefinition(what: string, value: unknown): void {
  if (typeof value === "function" && typeof (value as { fn?: unknown }).fn === "function") {
    if (!isGeneratorFunction((value as unknown as { fn: TaskFunction }).fn)) return;
    throw new TypeError(`${what}(…): ${value.name} yields many results, and here a task with one is wanted.`);
  }
  const given = typeof value === "function" ? `the function ${value.name || "(anonymous)"}` : String(value);
  throw new TypeError(`${what}(…): ${given} is not a task: define one with task(import.meta, "name", fn).`);
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
