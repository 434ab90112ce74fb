/**
 * How much tasks have to say to each other: the CPU time of their work from one operation on a channel to the next, on their
 * thread, while some run that were given channels or locks. It is kept for their definitions, so that a publisher knows next
 * time: see children.ts. A turn that is given away (`ctx.yield`) counts as an operation: who polls waits for others.
 *
 * By thread and not by task: an operation does not know whose it is. So where much is computed beside much talk it is the mean of
 * both. What is found when one ends is a guess for those that live on beside it: who serves others ends last, or never. Where too
 * little was said and done before all have ended, these were **brief**.
 *
 * CPU time: on a busy machine a thread waits for its CPU, and in most programs for others. Without what it takes to look around
 * and to sleep: tasks that talk across threads would seem to have work for as long as their messages take.
 */
import { hasHandles } from "../codec/handle.ts";
import type { RunTimes } from "../slots/run_times.ts";
import type { G } from "./g.ts";

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
/** Nanoseconds of a definition's work on this thread in which V8 still compiles it. */
const COLD = 100e6;
/** Who has rested for more than so much of its work talks across threads. Guess. */
const RESTED = 0.25;
/**
 * How many times as long as at home the work between two operations seems to take where either is so. The rows of the Savina suite
 * that say something every 0.3 to 1 us did so every 5 to 40 in their first run on two threads. It is a guess: what is taken for
 * talkative by mistake runs on one thread the next time, and is measured there.
 */
const DEARER = 8;

export class Talk {
  readonly #said: () => number;
  readonly #times: RunTimes;
  /** Nanoseconds. */
  readonly #clock: () => number;
  readonly #definition: (g: G) => number;
  #live = 0;
  /** By definition. */
  readonly #lives = new Map<number, number>();
  /** Definitions of those that ended since. */
  readonly #ended = new Set<number>();
  #conversations = 0;
  #isMeasured = false;
  #ends = 0;
  /** At the last look. */
  #operations = 0;
  #at = 0;
  /** Since then; and when it began to rest, 0 while it does not. */
  #rested = 0;
  #restsSince = 0;
  /** Nanoseconds of work, by definition. */
  readonly #worked: number[] = [];

  /** `said`: operations so far. `definition`: its number, below 0 if nobody else knows it. `clock`: the CPU time of this thread. */
  constructor(said: () => number, definition: (g: G) => number, times: RunTimes, clock: () => number) {
    this.#definition = definition;
    this.#said = said;
    this.#times = times;
    this.#clock = clock;
  }

  /** It awaits for the first time. What it keeps of its arguments is its own affair; returns what its M keeps. */
  began(g: G, args: readonly unknown[]): readonly unknown[] | undefined {
    if (!hasHandles(args)) return undefined;
    const definition = this.#definition(g);
    if (definition >= 0) this.#lives.set(definition, (this.#lives.get(definition) ?? 0) + 1);
    if (this.#live++ === 0) {
      const count = ++this.#conversations;
      this.#isMeasured = count <= FIRST || (count & LATER) === 0;
      if (this.#isMeasured) this.#look(this.#clock());
    }
    return TALKS;
  }

  /** `kept` is what `began` returned. */
  ended(g: G, kept: readonly unknown[] | undefined): void {
    if (kept !== TALKS) return;
    const definition = this.#definition(g);
    const isLast = --this.#live === 0;
    // Its number may have been given to it meanwhile.
    const others = (this.#lives.get(definition) ?? 1) - 1;
    if (others === 0) this.#lives.delete(definition);
    else this.#lives.set(definition, others);
    if (!this.#isMeasured) return;
    if (definition >= 0) this.#ended.add(definition);
    if (isLast || (this.#ends++ & SOME) === 0) this.#measure(definition, isLast);
  }

  #measure(ended: number, isLast: boolean): void {
    const now = this.#clock();
    this.#countRest(now);
    const operations = this.#said() - this.#operations;
    const worked = now - this.#at - this.#rested;
    const tells = operations >= FEW || worked >= SHORT;
    if (tells || isLast) this.#tellLives(tells);
    if (!tells) return;
    const us = worked / 1000 / Math.max(1, operations);
    const isAcross = this.#rested > RESTED * worked;
    if (ended >= 0) {
      if (this.#isCold(ended, worked) || isAcross) this.#times.seemsToTalk(ended, us / DEARER);
      else this.#times.talked(ended, us);
    }
    for (const other of this.#lives.keys()) {
      if (other === ended) continue;
      this.#times.seemsToTalk(other, this.#isCold(other, worked) || isAcross ? us / DEARER : us);
    }
    this.#look(now);
  }

  #tellLives(areLong: boolean): void {
    for (const definition of this.#ended) this.#times.lived(definition, areLong);
    this.#ended.clear();
  }

  #isCold(definition: number, worked: number): boolean {
    const sum = this.#worked[definition] = (this.#worked[definition] ?? 0) + worked;
    return sum < COLD;
  }

  #look(now: number): void {
    this.#countRest(now);
    this.#at = now;
    this.#rested = 0;
    this.#operations = this.#said();
  }

  /** The loop has found nothing to do. What it takes to look around, to sleep and to be woken is nobody's work. */
  rests(): void {
    if (this.#isMeasured && this.#restsSince === 0) this.#restsSince = this.#clock();
  }

  worksOn(): void {
    if (this.#restsSince === 0) return;
    this.#countRest(this.#clock());
    this.#restsSince = 0;
  }

  #countRest(now: number): void {
    if (this.#restsSince === 0) return;
    this.#rested += now - this.#restsSince;
    this.#restsSince = now;
  }
}
