/** Tasks of Heddle's own that a locker's thread runs. Threads know them without importing a module. */
import type { TaskContext } from "./tasks/context.ts";
import { Call, type Definition } from "./tasks/call.ts";
import { registry } from "./tasks/define.ts";

const MODULE = "heddle:locker";

function own(name: string, fn: (ctx: TaskContext) => unknown): Definition {
  const key = `${MODULE}#${name}#`;
  const definition = registry.definitions.get(key) ?? { module: MODULE, name, fn, key };
  registry.definitions.set(key, definition);
  return definition;
}

const holdDefinition = own("hold", (ctx) => {
  return new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
});

const tidDefinition = own("tid", (ctx) => ctx.tid);

/** Keeps a thread until it is cancelled. */
export const hold = new Call<void>(holdDefinition, []);
export const tid = new Call<number>(tidDefinition, []);
