/** Where channels and locks are made. */
import type { TaskContext } from "./context.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Scheduler } from "../scheduler.ts";

/** By which a Scheduler and a task's context say which isolate's they are. */
export const HOME: unique symbol = Symbol.for("heddle.home") as typeof HOME;

/** What channels and locks are made with: the scheduler, on the host; in a task, its context. */
export type Home = Scheduler | TaskContext;

/** What these have in common. */
export interface HasIsolate {
  readonly [HOME]: Isolate;
}
