/**
 * A binary heap of deadlines, in `performance.now()` milliseconds. Equal deadlines fire in any order. A cancelled timer
 * stays until its time.
 */
export interface Timer {
  readonly at: number;
  /** When true, it is dropped when its time comes. */
  readonly cancelled: boolean;
  fire(): void;
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
    const { at } = timer;
    const heap = this.#heap;
    let hole = heap.length;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (heap[parent].at <= at) break;
      heap[hole] = heap[parent];
      hole = parent;
    }
    heap[hole] = timer;
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
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
      if (heap[child].at >= last.at) break;
      heap[hole] = heap[child];
      hole = child;
    }
    heap[hole] = last;
    return top;
  }
}
