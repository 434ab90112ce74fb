/** How late the timers of an event loop are, as in Node's `monitorEventLoopDelay`: what takes the loop too long delays them. */
import { HISTOGRAM_DOUBLES } from "../arena/layout/meter.ts";
import { type Histogram, record, Recorded } from "../tracing/histogram.ts";

/** Milliseconds between looks: guess, 0.05% of a CPU. Node's are 10. */
const EVERY = 20;

const NS_PER_MS = 1e6;

export class LoopDelay {
  readonly #doubles = new Float64Array(HISTOGRAM_DOUBLES);
  readonly #timer: ReturnType<typeof setInterval>;

  /** It does not hold the process. */
  constructor() {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      record(this.#doubles, 0, (now - last - EVERY) * NS_PER_MS, 1);
      last = now;
    }, EVERY);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** In milliseconds. */
  read(): Histogram {
    const recorded = new Recorded();
    recorded.add(this.#doubles, 0);
    return recorded.read(NS_PER_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
