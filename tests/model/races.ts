/**
 * Plain access to shared memory means exclusive ownership. Vector clocks say whether it was: of two accesses to a word, one
 * of which writes and one of which is plain, one has to happen before the other, by what atomic operations order.
 *
 * Paths on which the world is in a state that was seen before are cut off, with other clocks perhaps: so not every race is
 * found.
 */
const MOST_THREADS = 4;
const LOAD = 0;
const STORE = 1;

/** The scenario does not hold. */
export class Failure extends Error {}

/** Two threads accessed a word at one time, one of them by a plain access. */
export class Race extends Failure {
  constructor(readonly index: number, readonly thread: number, readonly other: number) {
    super("race");
  }
}

/** What is known of a word, by thread: the thread's own time at its last access of a kind. */
const [RELEASED, PLAIN_READS, PLAIN_WRITES, READS, WRITES] = [0, 1, 2, 3, 4].map((i) => i * MOST_THREADS);
const TIMES = 5 * MOST_THREADS;

export class Races {
  #words = 0;
  readonly #touched: number[] = [];
  #isTouched = new Uint8Array(0);
  readonly #clocks = new Int32Array(MOST_THREADS * MOST_THREADS);
  /** By word. What was released is what who reads it next knows by that: the clock of who wrote it. */
  #times = new Int32Array(0);

  /** A new run. */
  begin(words: number): void {
    for (const index of this.#touched) {
      this.#times.fill(0, index * TIMES, (index + 1) * TIMES);
      this.#isTouched[index] = 0;
    }
    this.#touched.length = 0;
    if (words !== this.#words) {
      this.#words = words;
      this.#isTouched = new Uint8Array(words);
      this.#times = new Int32Array(words * TIMES);
    }
    this.#clocks.fill(0);
    for (let thread = 0; thread < MOST_THREADS; thread++) this.#clocks[thread * (MOST_THREADS + 1)] = 1;
  }

  atomic(thread: number, index: number, kind: number, writes: boolean): void {
    this.#touch(thread, index);
    const own = thread * MOST_THREADS;
    const at = index * TIMES;
    const clocks = this.#clocks;
    const times = this.#times;
    if (kind !== STORE) {
      for (let i = 0; i < MOST_THREADS; i++) {
        const time = times[at + RELEASED + i];
        if (time > clocks[own + i]) clocks[own + i] = time;
      }
    }
    this.#mustKnow(thread, index, PLAIN_WRITES);
    if (kind === LOAD || !writes) {
      times[at + READS + thread] = clocks[own + thread];
      return;
    }
    this.#mustKnow(thread, index, PLAIN_READS);
    times[at + WRITES + thread] = clocks[own + thread];
    for (let i = 0; i < MOST_THREADS; i++) times[at + RELEASED + i] = clocks[own + i];
    clocks[own + thread]++;
  }

  /** What another one has done, which has ended, is known to the thread. */
  join(thread: number, ended: number): void {
    const clocks = this.#clocks;
    for (let i = 0; i < MOST_THREADS; i++) {
      const at = thread * MOST_THREADS + i;
      clocks[at] = Math.max(clocks[at], clocks[ended * MOST_THREADS + i]);
    }
  }

  plainRead(thread: number, index: number): void {
    this.#touch(thread, index);
    this.#mustKnow(thread, index, PLAIN_WRITES);
    this.#mustKnow(thread, index, WRITES);
    this.#times[index * TIMES + PLAIN_READS + thread] = this.#clocks[thread * (MOST_THREADS + 1)];
  }

  plainWrite(thread: number, index: number): void {
    this.#touch(thread, index);
    this.#mustKnow(thread, index, PLAIN_WRITES);
    this.#mustKnow(thread, index, WRITES);
    this.#mustKnow(thread, index, PLAIN_READS);
    this.#mustKnow(thread, index, READS);
    this.#times[index * TIMES + PLAIN_WRITES + thread] = this.#clocks[thread * (MOST_THREADS + 1)];
  }

  #touch(thread: number, index: number): void {
    if (thread >= MOST_THREADS) throw new Error(`A scenario has up to ${MOST_THREADS} threads.`);
    if (this.#isTouched[index] === 1) return;
    this.#isTouched[index] = 1;
    this.#touched.push(index);
  }

  #mustKnow(thread: number, index: number, kind: number): void {
    for (let i = 0; i < MOST_THREADS; i++) {
      if (i !== thread && this.#times[index * TIMES + kind + i] > this.#clocks[thread * MOST_THREADS + i]) {
        throw new Race(index, thread, i);
      }
    }
  }
}
