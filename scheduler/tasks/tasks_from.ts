/** Tasks of a module that only threads import. */
import { Call, type Definition } from "./call.ts";
import type { TaskContext } from "./context.ts";
import { asTask, keyOfName, registry, type TaskDefinition } from "./define.ts";
import { shown } from "./options.ts";

/** The tasks among what a module exports: see {@linkcode tasksFrom}. */
export type TasksOf<Module> = {
  readonly [
    // deno-lint-ignore no-explicit-any
    Name in keyof Module as Module[Name] extends TaskDefinition<any, any> ? Name : never
  ]: Module[Name];
};

/**
 * The tasks of a module that this thread does not import: only threads that run one of them do. For modules that take long to
 * import, as compilers and large libraries do: a program that imports such a module for its tasks' definitions waits for
 * that first, and for the same in a thread afterwards.
 *
 * Types come from the module by `typeof import(…)`, which imports nothing. Each property is a task as `task()` returns it, by
 * the name that it was defined with, so that is to be the name of its export. A name that the module does not define is an
 * error of the call's task.
 *
 * @param module Its URL. `new URL("./heavy.ts", import.meta.url)` is one that bundlers understand, too.
 * @throws {TypeError} if it is no URL.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go, tasksFrom } from "@heddle/heddle";
 *
 * const { sum } = tasksFrom<typeof import("./tasks.ts")>(import.meta.resolve("./tasks.ts"));
 * assertEquals(await go(sum(0, 10)), 45);
 * ```
 */
export function tasksFrom<Module>(module: string | URL): TasksOf<Module> {
  const url = URL.parse(String(module))?.href;
  if (url === undefined) {
    throw new TypeError(
      `tasksFrom(${shown(module)}): give a URL, as import.meta.resolve("./tasks.ts") makes one.`,
    );
  }
  const tasks = new Map<string, unknown>();
  return new Proxy(Object.create(null), {
    get(_target, name) {
      // What is awaited is asked whether it is a promise.
      if (typeof name === "symbol" || name === "then") return undefined;
      let found = tasks.get(name);
      if (found === undefined) tasks.set(name, found = namedTask(url, name));
      return found;
    },
  }) as TasksOf<Module>;
}

function namedTask(module: string, name: string): unknown {
  const key = keyOfName(module, name);
  /** For who runs it where it is: a child that stays with its parent, a direct call. */
  const fn = async (ctx: TaskContext, ...args: unknown[]): Promise<unknown> => {
    await import(module);
    const found = registry.definitions.get(key);
    if (found === undefined) throw new TypeError(`${module} defines no task "${name}".`);
    return await found.fn(ctx, ...args);
  };
  const definition: Definition = { module, name, fn, key };
  return asTask((...args) => new Call(definition, args), name, fn);
}
