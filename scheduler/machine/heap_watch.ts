/**
 * A thread's looks at its own heap: how much of it is in use, and whether it was full. V8 ends whatever runs then, and Deno reports
 * that only for code that the event loop called directly. Ours runs in microtasks: the loop of the machine would be gone without a
 * word. But V8 has raised the limit by then, which a timer sees.
 *
 * **An idle thread rests.** A look takes 0.2 ms of a CPU, nearly all of it to wake the thread. So one that finds about as much as the
 * last one is followed by the next after twice the time, up to LONGEST, until the M goes on after a sleep. What goes on while the M
 * sleeps is continuations of the outside: those LONGEST is for.
 */

/** Milliseconds between looks while the thread does something. Guess: soon enough to report a death. */
const EVERY = 100;
/** The same after a long rest: less than 0.01% of a CPU. */
const LONGEST = 3200;
/** Bytes, more or less, that are as much as before: looks allocate a little themselves. Guess. */
const AS_BEFORE = 1 << 16;

/** What V8 says of a heap. */
interface HeapStatistics {
  used_heap_size: number;
  heap_size_limit: number;
}

export class HeapWatch {
  readonly #statistics: () => HeapStatistics;
  readonly #tell: (bytes: number) => void;
  readonly #full: () => void;
  readonly #limit: number;
  #used = 0;
  #every = EVERY;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** Its timer does not hold the thread. `tell` hears of each look, and `full` once. */
  constructor(statistics: () => HeapStatistics, tell: (bytes: number) => void, full: () => void) {
    this.#statistics = statistics;
    this.#tell = tell;
    this.#full = full;
    this.#limit = statistics().heap_size_limit;
    this.#arm();
  }

  /** The M goes on after a sleep. */
  goesOn(): void {
    if (this.#every === EVERY) return;
    this.#every = EVERY;
    // In this order: a full heap may end this anywhere.
    const rest = this.#timer;
    this.#arm();
    clearTimeout(rest);
  }

  #arm(): void {
    this.#timer = setTimeout(() => this.#look(), this.#every);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  #look(): void {
    const { heap_size_limit, used_heap_size } = this.#statistics();
    this.#tell(used_heap_size);
    if (heap_size_limit !== this.#limit) return this.#full();
    const isAsBefore = Math.abs(used_heap_size - this.#used) < AS_BEFORE;
    this.#every = isAsBefore ? Math.min(2 * this.#every, LONGEST) : EVERY;
    this.#used = used_heap_size;
    this.#arm();
  }
}
