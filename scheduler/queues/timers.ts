/**
 * A heap of deadlines, in `performance.now()` milliseconds. Equal deadlines fire in any order. A timer knows its place, so that
 * one that is cancelled leaves at once: timeouts mostly are, long before their time.
 *
 * Four children to a node, as in Go's, and the deadlines apart from the timers: with 200,000 of them nearly every timer that is
 * looked at is a miss in the cache, and four deadlines side by side are one. A timer itself has none: as a property of an object
 * such a number is an object of its own, of 16 bytes.
 */
export interface Timer {
  /** Where it is in the heap, plus 1; 0 or nothing: it is not there. */
  place?: number;
  fire(): void;
}

export function requireMs(what: string, ms: unknown): number {
  if (typeof ms === "number" && ms >= 0) return ms;
  throw new RangeError(`${what}(${String(ms)}): give milliseconds, 0 or more.`);
}

/** The longest that a timer of the event loop can be, which fires at once if it is to be longer: about 24 days. */
export const LONGEST = 2 ** 31 - 1;

/** Settles as it does, or resolves after so many milliseconds. */
export async function within(ms: number, ended: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await Promise.race([ended, new Promise((resolve) => timer = setTimeout(resolve, ms))]);
  } finally {
    clearTimeout(timer);
  }
}

/** As `setTimeout`, for any time: fractions count, and with Infinity it never fires. Returns what stops it. */
export function after(ms: number, fire: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (left: number) => {
    timer = setTimeout(() => left > LONGEST ? wait(left - LONGEST) : fire(), Math.min(left, LONGEST));
  };
  // setTimeout cuts fractions off, and would fire too early.
  wait(Math.max(0, Math.ceil(ms)));
  return () => clearTimeout(timer);
}

/**
 * So many fire in one go, in about a millisecond: mail, the event loop and what they let go on have their turn before the others.
 * Not much less: what is late has to be made up for while new tasks begin, 16 to a batch. With 64, a pause of 0.3 s while
 * 200,000 tasks began to sleep was felt for a second.
 */
const BATCH = 1024;
const CHILDREN = 4;

export class Timers {
  readonly #heap: Timer[] = [];
  /** Theirs. */
  readonly #deadlines: number[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** Infinity when there is none. */
  get next(): number {
    return this.#heap.length === 0 ? Infinity : this.#deadlines[0];
  }

  add(timer: Timer, at: number): void {
    this.#heap.push(timer);
    this.#deadlines.push(at);
    this.#rise(timer, at, this.#heap.length - 1);
  }

  /** False: it has fired, or was removed. */
  remove(timer: Timer): boolean {
    const place = timer.place ?? 0;
    if (place === 0) return false;
    timer.place = 0;
    const last = this.#heap.pop()!;
    const at = this.#deadlines.pop()!;
    if (last === timer) return true;
    if (!this.#rise(last, at, place - 1)) this.#sink(last, at, place - 1);
    return true;
  }

  /** Fires what is due, or the first of many. Returns whether anything was. */
  run(now: number): boolean {
    let fired = 0;
    while (fired < BATCH && this.next <= now) {
      const timer = this.#heap[0];
      this.remove(timer);
      timer.fire();
      fired++;
    }
    return fired > 0;
  }

  /** From a hole towards the root. Whether it went anywhere. */
  #rise(timer: Timer, at: number, hole: number): boolean {
    const from = hole;
    while (hole > 0) {
      const parent = Math.floor((hole - 1) / CHILDREN);
      if (this.#deadlines[parent] <= at) break;
      this.#put(this.#heap[parent], this.#deadlines[parent], hole);
      hole = parent;
    }
    this.#put(timer, at, hole);
    return hole !== from;
  }

  #sink(timer: Timer, at: number, hole: number): void {
    const deadlines = this.#deadlines;
    for (;;) {
      const first = CHILDREN * hole + 1;
      const end = Math.min(first + CHILDREN, deadlines.length);
      let child = hole;
      let earliest = at;
      for (let i = first; i < end; i++) {
        if (deadlines[i] >= earliest) continue;
        child = i;
        earliest = deadlines[i];
      }
      if (child === hole) break;
      this.#put(this.#heap[child], earliest, hole);
      hole = child;
    }
    this.#put(timer, at, hole);
  }

  #put(timer: Timer, at: number, hole: number): void {
    this.#heap[hole] = timer;
    this.#deadlines[hole] = at;
    timer.place = hole + 1;
  }
}
