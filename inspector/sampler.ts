/**
 * Looks at a scheduler when the page asks, and not more often than that is worth. So while nobody looks at the page it costs nothing,
 * and what it has seen is forgotten soon. Pages ask again and again: a stream would hold the program when it is about to end.
 */
import type { Scheduler } from "../mod.js";
import { type Answer, type Life, Lives, type Question } from "./lives.ts";
import { type Sample, Sampling } from "./sample.ts";

/** Milliseconds from one look to the next. Guess: a moving picture needs no more, since the page draws in between. */
const EVERY = 125;
/** Of the program's event loop it takes at most one part in so many: 100,000 tasks take 60 ms a look, so they are seen each 0.6 s. */
const PART = 10;
/** Milliseconds without a question after which nobody looks. A browser asks once in a second, if it is busy elsewhere. */
const GONE = 5000;

/** What the inspector asks of a scheduler. */
export type Inspected = Pick<Scheduler, "dump" | "metrics" | "trace">;

export class Sampler {
  readonly #sched: Inspected;
  #sampling = new Sampling();
  #lives = new Lives();
  #newest: { readonly text: string; readonly isLast: boolean } | undefined = undefined;
  /** When the next look is due, and at which time the last one was. */
  #due = 0;
  #at = 0;
  #forgetting: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(sched: Inspected) {
    this.#sched = sched;
  }

  /** The newest sample, as JSON. */
  look(): string {
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => this.forget(), GONE);
    Deno.unrefTimer(this.#forgetting as unknown as number);
    const now = performance.now();
    if (this.#newest === undefined || now >= this.#due && !this.#newest.isLast) {
      this.#newest = this.#take(now);
    }
    return this.#newest.text;
  }

  #take(begun: number): { text: string; isLast: boolean } {
    // No two looks are of one moment, also when the system's clock was set back.
    this.#at = Math.max(this.#at + 1, Date.now());
    const dump = this.#sched.dump();
    this.#lives.add(this.#at, dump.tasks);
    const metrics = this.#sched.metrics();
    const tookMs = performance.now() - begun;
    const everyMs = Math.max(EVERY, tookMs * PART);
    this.#due = begun + everyMs;
    const sample: Sample = this.#sampling.sample({ at: this.#at, tookMs, everyMs }, dump, metrics);
    // Of one that is closed it is the last word.
    return { text: JSON.stringify(sample), isLast: dump.isClosed };
  }

  ask(question: Question): Answer {
    return this.#lives.ask(question);
  }

  life(id: number): Life | undefined {
    return this.#lives.of(id);
  }

  forget(): void {
    clearTimeout(this.#forgetting);
    this.#sampling = new Sampling();
    this.#lives = new Lives();
    this.#newest = undefined;
  }
}
