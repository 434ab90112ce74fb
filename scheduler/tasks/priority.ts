/** What comes first among tasks that wait for a thread. */
import { shown } from "./options.ts";

/**
 * As in WICG's `scheduler.postTask`: `"user-blocking"` before `"user-visible"`, which is the default, before `"background"`.
 * Tasks that have begun are not interrupted by it.
 */
export type Priority = "user-blocking" | "user-visible" | "background";

/** As numbers; the default is what fresh memory says. */
export const USER_VISIBLE = 0;
export const USER_BLOCKING = 1;
export const BACKGROUND = 2;

const NUMBERS: Readonly<Record<Priority, number>> = {
  "user-visible": USER_VISIBLE,
  "user-blocking": USER_BLOCKING,
  "background": BACKGROUND,
};

export function priorityNumber(priority: Priority | undefined): number {
  return priority === undefined ? USER_VISIBLE : NUMBERS[priority];
}

/** Throws a TypeError unless it is one. */
export function requirePriority(what: string, priority: unknown): asserts priority is Priority {
  if (typeof priority === "string" && Object.hasOwn(NUMBERS, priority)) return;
  throw new TypeError(
    `${what}: priority is ${shown(priority)}: give "user-blocking", "user-visible" or "background".`,
  );
}
