/** What `Scheduler.start({ warm })` takes: modules that threads import before they have a task of them. */
import { isTask } from "../tasks/call.ts";
import { shown } from "../tasks/options.ts";

/** The URLs of the modules, each once. Throws a TypeError for what is none. */
export function requireWarm(warm: unknown): string[] {
  if (warm === undefined) return [];
  if (!Array.isArray(warm)) {
    throw new TypeError(`Scheduler.start: warm is ${shown(warm)}: give an array of tasks and module URLs.`);
  }
  return [...new Set(warm.map(moduleOf))];
}

function moduleOf(entry: unknown): string {
  if (isTask(entry)) return entry().definition.module;
  const url = entry instanceof URL
    ? entry.href
    : typeof entry === "string"
    ? URL.parse(entry)?.href
    : undefined;
  if (url !== undefined) return url;
  throw new TypeError(
    `Scheduler.start: warm has ${
      shown(entry)
    }: give tasks and URLs of modules, as import.meta.resolve() makes them.`,
  );
}
