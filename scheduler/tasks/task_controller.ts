/** A priority that changes while tasks wait: `TaskController` and `TaskSignal` of WICG's `scheduler.postTask`. */
import { type Priority, requirePriority } from "./priority.ts";
import { type Names, requireOptions } from "./options.ts";

/** By which whoever starts tasks knows such a signal, from whichever instance of this module. */
const FOLLOW: unique symbol = Symbol.for("heddle.followPriority") as typeof FOLLOW;

/** The signal of a {@linkcode TaskController}: an `AbortSignal` that has a priority. */
export interface TaskSignal extends AbortSignal {
  /** At this moment. An event `"prioritychange"` says that it has changed. */
  readonly priority: Priority;
}

interface Followable extends TaskSignal {
  [FOLLOW](changed: (priority: Priority) => void): () => void;
}

/** Options of {@linkcode TaskController}. */
export interface TaskControllerOptions {
  /** Default: `"user-visible"`. */
  priority?: Priority;
}

const OPTIONS = { priority: true } satisfies Names<TaskControllerOptions>;

/**
 * An `AbortController` for tasks whose priority changes while they wait: its signal in the options of a start is the task's
 * priority, too, unless `priority` is given there as well. A task that waits for a thread, or for its turn in a view, moves to where
 * it would wait with the new one, behind those that are there. What has begun is not affected, as nothing is that has begun; its
 * children have the priority that it began with.
 *
 * A task keeps its place if it has ports or streams among its arguments, or no slot is left for it (`maxTasks`): half of them are for
 * what is in the background. While such a task waits a copy of its arguments is kept, so give it to what may change.
 *
 * The names and the idea are those of WICG's Prioritized Task Scheduling.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go, TaskController } from "@heddle/heddle";
 * import { sum } from "./tasks.ts";
 *
 * const controller = new TaskController({ priority: "background" });
 * const ahead = go(sum(0, 10), { signal: controller.signal });
 * // Somebody asks for it now.
 * controller.setPriority("user-blocking");
 * assertEquals(await ahead, 45);
 * ```
 */
export class TaskController extends AbortController {
  /** Aborted by `abort()`, as of any controller. */
  declare readonly signal: TaskSignal;
  #priority: Priority;
  readonly #followers = new Set<(priority: Priority) => void>();

  /**
   * A controller whose signal has a priority, and has not been aborted.
   *
   * @throws {TypeError} if there is no such priority.
   */
  constructor(options: TaskControllerOptions = {}) {
    super();
    requireOptions("new TaskController", options, OPTIONS);
    const { priority = "user-visible" } = options;
    requirePriority("new TaskController", priority);
    this.#priority = priority;
    Object.defineProperties(super.signal, {
      priority: { get: () => this.#priority, enumerable: true },
      [FOLLOW]: { value: (changed: (priority: Priority) => void) => this.#follow(changed) },
    });
  }

  /**
   * Of the tasks that follow its signal, and of those that will.
   *
   * @throws {TypeError} if there is no such priority.
   */
  setPriority(priority: Priority): void {
    requirePriority("setPriority", priority);
    if (priority === this.#priority) return;
    this.#priority = priority;
    for (const changed of [...this.#followers]) changed(priority);
    super.signal.dispatchEvent(new Event("prioritychange"));
  }

  #follow(changed: (priority: Priority) => void): () => void {
    const follower = (priority: Priority) => changed(priority);
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}

/** Whether it has a priority. */
export function isTaskSignal(signal: AbortSignal | undefined): signal is TaskSignal {
  return signal !== undefined && FOLLOW in signal;
}

/** Calls `changed`, which throws nothing, until what this returns is called; that calls `release`, too. */
export function followPriority(
  signal: TaskSignal,
  changed: (priority: Priority) => void,
  release: (() => void) | undefined,
): () => void {
  const unfollow = (signal as Followable)[FOLLOW](changed);
  return () => {
    unfollow();
    release?.();
  };
}
