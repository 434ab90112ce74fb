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

/** By thread and word: its own time at its last access of the kind. */
class Times {
  #times = new Int32Array(0);

  resize(words: number): void {
    this.#times = new Int32Array(words * MOST_THREADS);
  }

  forget(index: number): void {
    this.#times.fill(0, index * MOST_THREADS, (index + 1) * MOST_THREADS);
  }

  set(index: number, thread: number, time: number): void {
    this.#times[index * MOST_THREADS + thread] = time;
  }

  at(index: number, thread: number): number {
    return this.#times[index * MOST_THREADS + thread];
  }
}

export class Races {
  #words = 0;
  readonly #touched: number[] = [];
  #isTouched = new Uint8Array(0);
  readonly #clocks = new Int32Array(MOST_THREADS * MOST_THREADS);
  /** What who reads the word next knows by that: the clock of who wrote it. */
  readonly #released = new Times();
  readonly #plainReads = new Times();
  readonly #plainWrites = new Times();
  readonly #reads = new Times();
  readonly #writes = new Times();

  /** A new run. */
  begin(words: number): void {
    const all = [this.#released, this.#plainReads, this.#plainWrites, this.#reads, this.#writes];
    for (const index of this.#touched.splice(0)) {
      for (const times of all) times.forget(index);
      this.#isTouched[index] = 0;
    }
    if (words !== this.#words) {
      this.#words = words;
      this.#isTouched = new Uint8Array(words);
      for (const times of all) times.resize(words);
    }
    this.#clocks.fill(0);
    for (let thread = 0; thread < MOST_THREADS; thread++) this.#clocks[thread * (MOST_THREADS + 1)] = 1;
  }

  atomic(thread: number, index: number, kind: number, writes: boolean): void {
    this.#touch(thread, index);
    const own = thread * MOST_THREADS;
    const clocks = this.#clocks;
    if (kind !== STORE) {
      for (let i = 0; i < MOST_THREADS; i++) {
        const time = this.#released.at(index, i);
        if (time > clocks[own + i]) clocks[own + i] = time;
      }
    }
    this.#mustKnow(thread, index, this.#plainWrites);
    if (kind === LOAD || !writes) {
      this.#reads.set(index, thread, clocks[own + thread]);
      return;
    }
    this.#mustKnow(thread, index, this.#plainReads);
    this.#writes.set(index, thread, clocks[own + thread]);
    for (let i = 0; i < MOST_THREADS; i++) this.#released.set(index, i, clocks[own + i]);
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
    this.#mustKnow(thread, index, this.#plainWrites);
    this.#mustKnow(thread, index, this.#writes);
    this.#plainReads.set(index, thread, this.#clocks[thread * (MOST_THREADS + 1)]);
  }

  plainWrite(thread: number, index: number): void {
    this.#touch(thread, index);
    this.#mustKnow(thread, index, this.#plainWrites);
    this.#mustKnow(thread, index, this.#writes);
    this.#mustKnow(thread, index, this.#plainReads);
    this.#mustKnow(thread, index, this.#reads);
    this.#plainWrites.set(index, thread, this.#clocks[thread * (MOST_THREADS + 1)]);
  }

  #touch(thread: number, index: number): void {
    if (thread >= MOST_THREADS) throw new Error(`A scenario has up to ${MOST_THREADS} threads.`);
    if (this.#isTouched[index] === 1) return;
    this.#isTouched[index] = 1;
    this.#touched.push(index);
  }

  #mustKnow(thread: number, index: number, times: Times): void {
    for (let i = 0; i < MOST_THREADS; i++) {
      if (i !== thread && times.at(index, i) > this.#clocks[thread * MOST_THREADS + i]) {
        throw new Race(index, thread, i);
      }
    }
  }
}
