/** The errors that a program can tell apart. All keep their class on every thread. */
import { knowErrorClass } from "./codec.ts";

/**
 * The scheduler was closed: what had not ended rejects with it, and so does what is started later.
 *
 * @example
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { Scheduler, SchedulerClosedError } from "@heddle/heddle";
 * import { sum } from "./tasks.ts";
 *
 * const sched = await Scheduler.start({ procs: 1 });
 * await sched.close();
 * await assertRejects(async () => await sched.go(sum(0, 10)), SchedulerClosedError);
 * ```
 */
export class SchedulerClosedError extends Error {
  /** The class's name, as a thrown error shows it. */
  override readonly name = "SchedulerClosedError";
}

/** The thread that the task was bound to ended: its heap was full, `process.exit` was called there, or it crashed. */
export class ThreadDiedError extends Error {
  /** The class's name, as a thrown error shows it. */
  override readonly name = "ThreadDiedError";
}

/** The task did not end within its `timeout`. Its `ctx.signal` was aborted with this error. */
export class TaskTimeoutError extends Error {
  /** The class's name, as a thrown error shows it. */
  override readonly name = "TaskTimeoutError";
}

for (const known of [SchedulerClosedError, ThreadDiedError, TaskTimeoutError]) knowErrorClass(known);

export function lostMessage(task: string, id: number, why: string): string {
  return `Task "${task}" (id ${id}) was lost with the thread that it was bound to: ${why}.`;
}

export function timeoutMessage(task: string, id: number, ms: number): string {
  return `Task "${task}" (id ${id}) did not end within its timeout of ${ms} ms.`;
}

export function notRegistered(module: string, name: string): string {
  return `${module} defines no task "${name}" when a thread imports it: call task(import.meta, "${name}", …) at the top ` +
    `level of the module, not within a function or behind import.meta.main.`;
}
