/** Where channels and locks are made. */
import type { TaskContext } from "./context.ts";
import type { HOME, Isolate } from "./isolate.ts";
import type { Scheduler } from "./scheduler.ts";

/** What channels and locks are made with: the scheduler, on the host; in a task, its context. */
export type Home = Scheduler | TaskContext;

/** What these have in common. */
export interface HasIsolate {
  readonly [HOME]: Isolate;
}
