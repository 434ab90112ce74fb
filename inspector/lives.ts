/**
 * What became of each task while somebody looked: the states in which dumps have shown it. So the page can ask which tasks there were
 * at a moment of the last half minute, and get a few of 100,000.
 */
import type { DumpedPlace, DumpedTask } from "../mod.js";

/** Milliseconds for which a task is known that is not there any more, and how many of those at most. */
export const KEPT_MS = 30_000;
const MOST_GONE = 20_000;
/** Tasks in an answer. */
export const ROWS = 25;

/** From then on it was in that state, as far as was seen. */
export interface Step {
  readonly at: number;
  readonly state: DumpedTask["state"] | "gone";
  readonly thread?: DumpedPlace;
}

/** A task over time. */
export interface Life {
  readonly id: number;
  readonly name: string;
  readonly module: string;
  readonly startedBy: DumpedPlace;
  readonly steps: readonly Step[];
}

interface Kept extends Life {
  readonly steps: Step[];
  /** Of the last dump that had it. */
  seen: number;
}

/** Which tasks are asked for. */
export interface Question {
  /** A part of a name, of a module, or a number; empty: all. */
  readonly search: string;
  /** Empty: all. */
  readonly state: string;
  /** As of then; of the newest look if undefined. */
  readonly at: number | undefined;
  /** From 0. */
  readonly page: number;
}

export interface Answer {
  readonly total: number;
  readonly rows: readonly (Omit<Life, "steps"> & Step)[];
}

export class Lives {
  /** In the order in which they were seen first. */
  readonly #lives = new Map<number, Kept>();
  #newest = 0;
  #gone = 0;

  /** `at` is higher each time. */
  add(at: number, tasks: readonly DumpedTask[]): void {
    for (const task of tasks) this.#see(at, task);
    for (const life of this.#lives.values()) {
      const { state } = life.steps.at(-1)!;
      if (state === "gone") this.#forget(life, at);
      else if (life.seen < at) {
        life.steps.push({ at, state: "gone" });
        this.#gone++;
      }
    }
    this.#newest = at;
  }

  #see(at: number, { id, name, module, startedBy, state, thread }: DumpedTask): void {
    const step: Step = { at, state, ...(thread !== undefined && { thread }) };
    const known = this.#lives.get(id);
    if (known === undefined) {
      this.#lives.set(id, { id, name, module, startedBy, steps: [step], seen: at });
      return;
    }
    known.seen = at;
    const last = known.steps.at(-1)!;
    if (last.state === "gone") this.#gone--;
    if (last.state !== state || last.thread !== thread) known.steps.push(step);
  }

  #forget({ id, steps }: Kept, at: number): void {
    if (steps.at(-1)!.at > at - KEPT_MS && this.#gone <= MOST_GONE) return;
    this.#lives.delete(id);
    this.#gone--;
  }

  /** Undefined: nobody has seen such a task, or it is long gone. */
  of(id: number): Life | undefined {
    const life = this.#lives.get(id);
    if (life === undefined) return undefined;
    const { seen: _, ...rest } = life;
    return rest;
  }

  ask({ search, state, at = this.#newest, page }: Question): Answer {
    const rows: (Omit<Life, "steps"> & Step)[] = [];
    const wanted = search.toLowerCase();
    let total = 0;
    for (const { id, name, module, startedBy, steps } of this.#lives.values()) {
      const step = steps.findLast((step) => step.at <= at);
      if (step === undefined || step.state === "gone") continue;
      if (state !== "" && step.state !== state) continue;
      if (wanted !== "" && !`${id} ${name} ${module}`.toLowerCase().includes(wanted)) continue;
      if (total >= page * ROWS && rows.length < ROWS) rows.push({ id, name, module, startedBy, ...step });
      total++;
    }
    return { total, rows };
  }
}
