/**
 * How much tasks have to say to each other: the CPU time from one operation on a channel to the next, on their thread, while some
 * run that were given channels or locks. It is kept for their definitions, so that a publisher knows next time: see children.ts.
 *
 * By thread and not by task: an operation does not know whose it is. So where much is computed beside much talk it is the mean of
 * both. CPU time: on a busy machine a thread waits for its CPU, and in most programs for others.
 */
import { hasHandles } from "../codec/handle.ts";
import type { RunTimes } from "../slots/run_times.ts";
import type { Isolate } from "../sync/isolate.ts";

/** In place of the arguments of a G that has begun, if there were channels or locks among them. */
const TALKS: readonly unknown[] = [];
/** Each of the first so many conversations is measured, and then one in so many: a look at the clock is a call of the system. */
const FIRST = 16;
const LATER = 15;
/** Of so many ends one is measured, less 1. */
const SOME = 15;
/** Operations, or nanoseconds, that tell nothing yet. Guesses. */
const FEW = 256;
const SHORT = 10e6;

export class Talk {
  readonly #home: Isolate;
  readonly #times: RunTimes;
  /** Nanoseconds. */
  readonly #clock: () => number;
  #live = 0;
  #conversations = 0;
  #isMeasured = false;
  #ends = 0;
  /** At the last look. */
  #operations = 0;
  #at = 0;

  constructor(home: Isolate, times: RunTimes, clock: () => number) {
    this.#home = home;
    this.#times = times;
    this.#clock = clock;
  }

  /** A G awaits for the first time. What it keeps of its arguments is its own affair; returns what its M keeps. */
  began(args: readonly unknown[]): readonly unknown[] | undefined {
    if (!hasHandles(args)) return undefined;
    if (this.#live++ === 0) {
      const count = ++this.#conversations;
      this.#isMeasured = count <= FIRST || (count & LATER) === 0;
      if (this.#isMeasured) this.#look(this.#clock());
    }
    return TALKS;
  }

  /** `kept` is what `began` returned; `definition` below 0: nobody else knows it. */
  ended(kept: readonly unknown[] | undefined, definition: number): void {
    if (kept !== TALKS) return;
    const isLast = --this.#live === 0;
    if (!this.#isMeasured || (!isLast && (this.#ends++ & SOME) !== 0)) return;
    const now = this.#clock();
    const operations = this.#home.operations - this.#operations;
    if (operations < FEW && now - this.#at < SHORT) return;
    if (definition >= 0) {
      this.#times.talked(definition, (now - this.#at) / 1000 / Math.max(1, operations));
    }
    this.#look(now);
  }

  #look(now: number): void {
    this.#at = now;
    this.#operations = this.#home.operations;
  }
}
