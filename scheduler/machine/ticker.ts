/** Ticks at a steady rate. */
import { requireMs } from "../queues/timers.ts";

/**
 * Ends its waits at whole periods after its start, so that lateness does not add up. As of Go's Ticker, ticks that come
 * while nobody waits are dropped: the number of the tick tells how many.
 */
export class Ticker implements AsyncIterableIterator<number> {
  readonly #period: number;
  readonly #sleepUntil: (at: number) => Promise<void>;
  readonly #start = performance.now();
  #tick = 0;
  #isOver = false;

  constructor(period: number, sleepUntil: (at: number) => Promise<void>) {
    this.#period = requireMs("ctx.ticker", period);
    if (period === 0) throw new RangeError("ctx.ticker(0): give milliseconds, more than 0.");
    this.#sleepUntil = sleepUntil;
  }

  async next(): Promise<IteratorResult<number>> {
    if (this.#isOver) return { value: undefined, done: true };
    const elapsed = Math.floor((performance.now() - this.#start) / this.#period);
    this.#tick = Math.max(this.#tick, elapsed) + 1;
    await this.#sleepUntil(this.#start + this.#tick * this.#period);
    return { value: this.#tick, done: false };
  }

  return(): Promise<IteratorResult<number>> {
    this.#isOver = true;
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
