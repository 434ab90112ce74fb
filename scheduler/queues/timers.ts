/**
 * A binary heap of deadlines, in `performance.now()` milliseconds. Equal deadlines fire in any order. A timer knows its
 * place, so that one that is cancelled leaves at once: timeouts mostly are, long before their time.
 */
export interface Timer {
  readonly at: number;
  /** When true, it does not fire. */
  readonly cancelled: boolean;
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

export class Timers {
  readonly #heap: Timer[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** Infinity when there is none. */
  get next(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].at;
  }

  add(timer: Timer): void {
    this.#heap.push(timer);
    this.#rise(timer, this.#heap.length - 1);
  }

  /** False: it has fired, or was removed. */
  remove(timer: Timer): boolean {
    const place = timer.place ?? 0;
    if (place === 0) return false;
    timer.place = 0;
    const last = this.#heap.pop()!;
    if (last === timer) return true;
    if (!this.#rise(last, place - 1)) this.#sink(last, place - 1);
    return true;
  }

  /** Fires what is due. Returns whether anything was. */
  run(now: number): boolean {
    let fired = false;
    while (this.next <= now) {
      const timer = this.#pop();
      if (timer.cancelled) continue;
      timer.fire();
      fired = true;
    }
    return fired;
  }

  #pop(): Timer {
    const top = this.#heap[0];
    this.remove(top);
    return top;
  }

  /** From a hole towards the root. Whether it went anywhere. */
  #rise(timer: Timer, hole: number): boolean {
    const { at } = timer;
    const heap = this.#heap;
    const from = hole;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (heap[parent].at <= at) break;
      this.#put(heap[parent], hole);
      hole = parent;
    }
    this.#put(timer, hole);
    return hole !== from;
  }

  #sink(timer: Timer, hole: number): void {
    const heap = this.#heap;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
      if (heap[child].at >= timer.at) break;
      this.#put(heap[child], hole);
      hole = child;
    }
    this.#put(timer, hole);
  }

  #put(timer: Timer, hole: number): void {
    this.#heap[hole] = timer;
    timer.place = hole + 1;
  }
}
