/**
 * What the tasks of a definition have taken so far, in the task table, for whoever decides where tasks are to run: publishers, sysmon
 * (sysmon/gain.ts), and who has some in its ring. All are hints.
 *
 * D_MEAN: microseconds on end from a task's begin to its end or its first await, an exponential mean. Read and written back by
 * whoever ran one, so of two at once one is lost: there is a next one.
 *
 * D_COLD: microseconds of CPU time of the first that a thread ran, which is not in the mean: V8 compiles what it runs. The last
 * thread's counts.
 *
 * D_IMPORT: the same of the import of its module. 0: no thread has imported it.
 *
 * D_TALK: microseconds of work from one operation on a channel to the next, on a thread where one of them with a channel or a lock
 * among its arguments ended (machine/talk.ts). 0: nobody knows. Below 0: that is a guess, of which the least counts until it has
 * been measured. All that is not the tasks' own work makes a measurement longer, so a lower one counts at once, and of a higher
 * one as much as above, but never more than twice what was known: one of a thread that had other things to do for a while
 * tells little.
 *
 * D_LIFE: LONG, once one was published with channels or locks among its arguments, until such are seen to end soon: BRIEF.
 */
import { load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { D_COLD, D_IMPORT, D_LIFE, D_MEAN, D_TALK } from "../arena/layout/slot.ts";

/** Of a new value, 1 / 2^WEIGHT goes into the mean. Guess: eight runs of another kind change it by two thirds. */
const WEIGHT = 3;
/** D_LIFE. 0: nobody knows. */
const LONG = 1;
const BRIEF = 2;
/** That fits a word: half an hour. */
const MOST_US = 2 ** 31 - 1;

export class RunTimes {
  readonly #arena: Arena;
  readonly #words: Int32Array;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.i32;
  }

  /** Microseconds, at least 1; 0: nobody knows. */
  mean(definition: number): number {
    return load(this.#words, this.#arena.definition(definition) + D_MEAN);
  }

  took(definition: number, us: number): void {
    const at = this.#arena.definition(definition) + D_MEAN;
    const mean = load(this.#words, at);
    const now = inWord(us);
    store(this.#words, at, mean === 0 ? now : Math.max(1, mean + ((now - mean) >> WEIGHT)));
  }

  /** Microseconds, as above. */
  cold(definition: number): number {
    return load(this.#words, this.#arena.definition(definition) + D_COLD);
  }

  tookCold(definition: number, us: number): void {
    store(this.#words, this.#arena.definition(definition) + D_COLD, inWord(us));
  }

  /** Microseconds, as above. */
  importTime(definition: number): number {
    return load(this.#words, this.#arena.definition(definition) + D_IMPORT);
  }

  importTook(definition: number, us: number): void {
    store(this.#words, this.#arena.definition(definition) + D_IMPORT, inWord(us));
  }

  /** Microseconds, as above. */
  talk(definition: number): number {
    return Math.abs(load(this.#words, this.#arena.definition(definition) + D_TALK));
  }

  talked(definition: number, us: number): void {
    const at = this.#arena.definition(definition) + D_TALK;
    const least = load(this.#words, at);
    const now = inWord(us);
    const later = Math.min(2 * least, least + ((now - least) >> WEIGHT));
    store(this.#words, at, least <= 0 || now < least ? now : later);
  }

  /** Where one begins it stays for long, as far as anybody knows. */
  livesLong(definition: number): boolean {
    return load(this.#words, this.#arena.definition(definition) + D_LIFE) === LONG;
  }

  isBrief(definition: number): boolean {
    return load(this.#words, this.#arena.definition(definition) + D_LIFE) === BRIEF;
  }

  carriedHandles(definition: number): void {
    if (!this.isBrief(definition)) this.lived(definition, true);
  }

  lived(definition: number, isLong: boolean): void {
    const at = this.#arena.definition(definition) + D_LIFE;
    const life = isLong ? LONG : BRIEF;
    if (load(this.#words, at) !== life) store(this.#words, at, life);
  }

  seemsToTalk(definition: number, us: number): void {
    const at = this.#arena.definition(definition) + D_TALK;
    const least = load(this.#words, at);
    if (least <= 0) store(this.#words, at, least === 0 ? -inWord(us) : Math.max(least, -inWord(us)));
  }
}

function inWord(us: number): number {
  return Math.max(1, Math.min(Math.round(us), MOST_US));
}
