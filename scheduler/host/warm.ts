/** What `Scheduler.start({ warm })` takes: what threads import and open before they have a task that needs it. */
import { isTask } from "../tasks/call.ts";
import { shown } from "../tasks/options.ts";
import { isPerThread } from "../tasks/per_thread.ts";

/** A module, or what it defines for each thread. */
export interface Warm {
  readonly module: string;
  /** Its key. */
  readonly perThread?: string;
}

/** Each once. Throws a TypeError for what is of no use. */
export function requireWarm(warm: unknown): Warm[] {
  if (warm === undefined) return [];
  if (!Array.isArray(warm)) {
    throw new TypeError(
      `Scheduler.start: warm is ${
        shown(warm)
      }: give an array of tasks, what perThread() makes, and module URLs.`,
    );
  }
  return [...new Map(warm.map(warmOf).map((each) => [each.perThread ?? each.module, each])).values()];
}

function warmOf(entry: unknown): Warm {
  return isPerThread(entry) ? { module: entry.module, perThread: entry.key } : { module: moduleOf(entry) };
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
    }: give tasks, what perThread() makes, and URLs of modules, as import.meta.resolve() makes them.`,
  );
}
