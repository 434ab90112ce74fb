/** Task definitions: how they are made, and found again in another thread. */
import type { ErrorClass } from "../codec/codec.ts";
import { Call, type Definition, IS_TASK, type TaskFunction } from "./call.ts";
import type { TaskContext } from "./context.ts";
import { shown } from "./options.ts";

/**
 * In a thread, the bundled scheduler and the `mod.ts` that a task module imports are two instances of these modules: in this
 * repository, where sources are imported; the package's `mod.js` gives tasks the bundle's own. What instances must share hangs on
 * the global object.
 */
interface Registry {
  /** By key, and by name. */
  readonly definitions: Map<string, Definition>;
  /** True in a Heddle thread. */
  isThread: boolean;
  /** In a thread: all that `mod.ts` exports, for `mod.js`. */
  heddle?: object;
  /** In a thread: whose the operations are that name no channel or lock. What that is, the room of what tasks share knows. */
  home?: unknown;
}

const REGISTRY = Symbol.for("heddle.registry");

export const registry: Registry = (globalThis as unknown as Record<symbol, Registry>)[REGISTRY] ??= {
  definitions: new Map(),
  isThread: false,
};

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
  const nameKey = keyOfName(meta.url, name);
  registry.definitions.set(nameKey, registry.definitions.has(nameKey) ? ambiguous(definition) : definition);
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

/** Throws unless it is what `task` returns. */
export function requireDefinition(what: string, value: unknown): void {
  if (typeof value === "function" && typeof (value as { fn?: unknown }).fn === "function") return;
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
