/** The errors that a program can tell apart. All keep their class on every thread. */
import { knowErrorClass, knownErrorClass } from "../codec/errors.ts";

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

/**
 * The task ran on for longer than the scheduler's `runawayMs`, and nothing could stop it: its thread was frozen for good.
 */
export class TaskAbandonedError extends Error {
  /** The class's name, as a thrown error shows it. */
  override readonly name = "TaskAbandonedError";
}

/** The channel was closed: there is nothing more to receive, and nothing can be sent. */
export class ChannelClosedError extends Error {
  /** The class's name, as a thrown error shows it. */
  override readonly name = "ChannelClosedError";
}

/** So many tasks wait for a thread as `maxQueue` says: the one that was to be started was not. */
export class QueueFullError extends Error {
  /** The class's name, as a thrown error shows it. */
  override readonly name = "QueueFullError";
  /** How many wait. */
  readonly length: number;

  /** @internal */
  constructor(length: number, maxQueue: number) {
    super(
      `The queue is full: ${length} wait for a thread (maxQueue: ${maxQueue}). Refuse the work, or await ready() before ` +
        "the next task.",
    );
    this.length = length;
  }
}

/** Every task waits for another one, and nothing can end that. The message says who waits for what. */
export class DeadlockError extends Error {
  /** The class's name, as a thrown error shows it. */
  override readonly name = "DeadlockError";
}

for (
  const known of [
    SchedulerClosedError,
    ThreadDiedError,
    TaskTimeoutError,
    TaskAbandonedError,
    ChannelClosedError,
    DeadlockError,
  ]
) knowErrorClass(known);

/** In a thread these classes exist twice: a task is to see the ones that its own `mod.ts` exports. */
export function seenByTasks<E extends new (message: string) => Error>(errorClass: E): E {
  return knownErrorClass(errorClass.name) as unknown as E;
}

export function threadDied(task: string, id: number, why: string): ThreadDiedError {
  return new (seenByTasks(ThreadDiedError))(
    `Task "${task}" (id ${id}) was lost with the thread that it was bound to: ${why}.`,
  );
}

export function timedOut(task: string, id: number, ms: number): TaskTimeoutError {
  return new (seenByTasks(TaskTimeoutError))(
    `Task "${task}" (id ${id}) did not end within its timeout of ${ms} ms.`,
  );
}

/** `runner`: who ran on, if that is a child of the task. */
export function taskAbandoned(task: string, id: number, ms: number, runner: string): TaskAbandonedError {
  return new (seenByTasks(TaskAbandonedError))(
    `Task "${task}" (id ${id}) was abandoned: ${runner} ran for ${ms} ms on end, which is more than runawayMs.`,
  );
}

/** `isOther`: a thread finds one of that name, with another function. */
export function notRegistered(module: string, name: string, isOther: boolean): string {
  return isOther
    ? `${module} defines another task "${name}" when a thread imports it than where this one was started: the file has ` +
      `changed since, or the function's text depends on who imports it. Start the program once more.`
    : `${module} defines no task "${name}" when a thread imports it: call task(import.meta, "${name}", …) at the top ` +
      `level of the module, not within a function or behind import.meta.main.`;
}
