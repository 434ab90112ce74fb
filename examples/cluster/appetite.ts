/** How many jobs a worker takes: no more than it can start within {@linkcode SOON}. */
import type { SchedulerStats } from "@heddle/heddle";

/** Milliseconds within which what was taken is to start. What nobody has taken, an idle machine can take. */
const SOON = 50;
/** Milliseconds that a job is taken to last at least: the queue's own share is about that. */
const LEAST = 1;
/** Each job counts so much in the mean: the last 16 or so decide. */
const WEIGHT = 1 / 16;

export class Appetite {
  /** Mean time of a job in ms. At first one is taken for each P, which nobody has to wait for. */
  #mean = Infinity;

  ran(ms: number): void {
    this.#mean = this.#mean === Infinity ? ms : this.#mean + (ms - this.#mean) * WEIGHT;
  }

  /**
   * How many more; below 0 there are too many.
   *
   * An idle P starts one at once, and each P one more every `mean` milliseconds; `queued` come before. Jobs that wait for
   * something (a fetch, a query) hold no P meanwhile: then Ps are idle, and more are taken, however many there are.
   *
   * `unanswered` are asked for, or have ended and the queue has not acknowledged it yet. They count: threads would else be ahead of a slow queue
   * without limit, and a worker that is killed then has done all of these for nothing.
   */
  room(
    { procs, idleProcs, queued }: Pick<SchedulerStats, "procs" | "idleProcs" | "queued">,
    unanswered: number,
  ): number {
    const behind = Math.floor(procs * SOON / Math.max(this.#mean, LEAST));
    return idleProcs + behind - queued - unanswered;
  }
}
