/**
 * What entries of a dump's text have in common, made once: who holds and who waits (a task as far as that is known, else what is known
 * of its thread), and lines of the source.
 */
import type { Dump, DumpedHolder, DumpedPlace, DumpedTask, DumpedThread } from "./dump.ts";

/** Tasks that hold one lock and are named. Guess. */
const MOST_TASKS = 8;

export class Parties {
  readonly #all: readonly DumpedTask[];
  readonly #objects: ReadonlyMap<string, readonly DumpedHolder[]>;
  readonly #threads: ReadonlyMap<DumpedPlace, DumpedThread>;
  #tasks: ReadonlyMap<number, DumpedTask> | undefined = undefined;
  /** Of a thread where one task alone has begun, that one. */
  readonly #only = new Map<DumpedPlace, DumpedTask>();
  readonly #holders = new Map<string, string>();
  readonly #lines = new Map<readonly string[], string>();

  constructor({ tasks, threads, objects }: Pick<Dump, "tasks" | "threads" | "objects">) {
    this.#all = tasks;
    this.#objects = new Map(objects.map(({ name, heldBy }) => [name, heldBy]));
    this.#threads = new Map(threads.map((thread) => [thread.tid, thread]));
    for (const task of tasks) {
      const { state, thread } = task;
      if (state === "begun" && this.thread(thread)?.begun === 1) this.#only.set(thread!, task);
    }
  }

  thread(place: DumpedPlace | undefined): DumpedThread | undefined {
    return place === undefined ? undefined : this.#threads.get(place);
  }

  /** A task of a thread; any of its tasks, if it is not known which. */
  text(thread: DumpedPlace, task?: number): string {
    if (task === undefined) return this.#anyOf(thread);
    this.#tasks ??= new Map(this.#all.map((task) => [task.id, task]));
    const known = this.#tasks.get(task);
    return known === undefined
      ? `task ${task} of ${placeText(thread)} (it has ended)`
      : `task ${task} (${known.name}) of ${placeText(known.thread ?? thread)}`;
  }

  /** That one alone has begun there does not say that it is the one: a task may have ended and not given a lock back. */
  #anyOf(thread: DumpedPlace): string {
    const begun = this.#threads.get(thread)?.begun;
    if (begun === undefined) return placeText(thread);
    const only = this.#only.get(thread);
    if (only !== undefined) return `${placeText(thread)} (its only task: ${only.id}, ${only.name})`;
    return begun > 1 ? `one of ${begun} tasks of ${placeText(thread)}` : placeText(thread);
  }

  /** Of a channel or a lock, by its name: `, held by …`; "" if nobody holds it. */
  heldBy(name: string): string {
    let text = this.#holders.get(name);
    if (text === undefined) {
      const holders = this.#objects.get(name) ?? [];
      text = holders.length === 0 ? "" : `, held by ${holders.map((one) => this.#holder(one)).join(" and ")}`;
      this.#holders.set(name, text);
    }
    return text;
  }

  lines(at: readonly string[]): string {
    let text = this.#lines.get(at);
    if (text === undefined) this.#lines.set(at, text = at.map((line) => `\n      at ${line}`).join(""));
    return text;
  }

  #holder({ thread, times, tasks }: DumpedHolder): string {
    const often = times === 1 ? "" : ` (${times} times)`;
    if (tasks === undefined) return this.text(thread) + often;
    const shown = tasks.slice(0, MOST_TASKS).map((task) => this.text(thread, task)).join(" and ");
    return `${shown}${tasks.length > MOST_TASKS ? ` and ${tasks.length - MOST_TASKS} more` : ""}${often}`;
  }
}

export function placeText(place: DumpedPlace): string {
  if (place === "host") return "the host";
  return place === "starting" ? "a thread that is starting" : `thread ${place}`;
}
