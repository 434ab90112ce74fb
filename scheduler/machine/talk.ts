/**
 * How much tasks have to say to each other: the time from one operation on a channel to the next, on their thread, while some run
 * that were given channels or locks. It is kept for their definitions, so that a publisher knows next time: see children.ts.
 *
 * By thread and not by task: an operation does not know whose it is. So where much is computed beside much talk it is the mean of
 * both. While the thread is parked no time goes by.
 */
import { hasHandles } from "../codec/handle.ts";
import type { Agenda } from "./agenda.ts";
import type { RunTimes } from "../slots/run_times.ts";
import type { Isolate } from "../sync/isolate.ts";

/** In place of the arguments of a G that has begun, if there were channels or locks among them. */
const TALKS: readonly unknown[] = [];
/** Of so many ends one is measured, less 1. */
const SOME = 15;
/** Operations, or milliseconds, that tell nothing yet. Guesses. */
const FEW = 256;
const SHORT = 10;

export class Talk {
  readonly #home: Isolate;
  readonly #agenda: Agenda;
  readonly #times: RunTimes;
  #live = 0;
  #ends = 0;
  /** At the last look. */
  #operations = 0;
  #at = 0;

  constructor(home: Isolate, agenda: Agenda, times: RunTimes) {
    this.#home = home;
    this.#agenda = agenda;
    this.#times = times;
  }

  /** A G awaits for the first time. What it keeps of its arguments is its own affair; returns what its M keeps. */
  began(args: readonly unknown[]): readonly unknown[] | undefined {
    if (!hasHandles(args)) return undefined;
    if (this.#live++ === 0) this.#look(this.#now);
    return TALKS;
  }

  /** `kept` is what `began` returned; `definition` below 0: nobody else knows it. */
  ended(kept: readonly unknown[] | undefined, definition: number): void {
    if (kept !== TALKS) return;
    if (--this.#live !== 0 && (this.#ends++ & SOME) !== 0) return;
    const now = this.#now;
    const operations = this.#home.operations - this.#operations;
    if (operations < FEW && now - this.#at < SHORT) return;
    if (definition >= 0) this.#times.talked(definition, (now - this.#at) * 1000 / Math.max(1, operations));
    this.#look(now);
  }

  /** Milliseconds. */
  get #now(): number {
    return performance.now() - this.#agenda.parked;
  }

  #look(now: number): void {
    this.#at = now;
    this.#operations = this.#home.operations;
  }
}
