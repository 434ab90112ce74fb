/**
 * Plain access to shared memory means exclusive ownership. Vector clocks say whether it was: of two accesses to a word, one
 * of which writes and one of which is plain, one has to happen before the other, by what atomic operations order.
 *
 * Paths on which the world is in a state that was seen before are cut off, with other clocks perhaps: so not every race is
 * found.
 */
import type { Thread } from "./world.ts";

const MOST_THREADS = 8;
const LOAD = 0;
const STORE = 1;

/** What has been done with a word. */
interface Word {
  /** What who reads it next knows by that: the clock of who wrote it. */
  released: Int32Array | undefined;
  /** By thread: its own time at the last access of the kind. */
  readonly plainReads: Int32Array;
  readonly plainWrites: Int32Array;
  readonly reads: Int32Array;
  readonly writes: Int32Array;
}

export class Races {
  readonly #words = new Map<number, Word>();
  readonly #clocks: Int32Array[] = [];

  atomic({ id }: Thread, index: number, site: number, kind: number, writes: boolean): void {
    const clock = this.#clock(id);
    const word = this.#word(index);
    if (kind !== STORE && word.released !== undefined) {
      for (let i = 0; i < MOST_THREADS; i++) clock[i] = Math.max(clock[i], word.released[i]);
    }
    this.#mustKnow(clock, id, word.plainWrites, index, site);
    if (kind === LOAD || !writes) {
      word.reads[id] = clock[id];
      return;
    }
    this.#mustKnow(clock, id, word.plainReads, index, site);
    word.writes[id] = clock[id];
    word.released = clock.slice();
    clock[id]++;
  }

  plainRead({ id }: Thread, index: number, site: number): void {
    const clock = this.#clock(id);
    const word = this.#word(index);
    this.#mustKnow(clock, id, word.plainWrites, index, site);
    this.#mustKnow(clock, id, word.writes, index, site);
    word.plainReads[id] = clock[id];
  }

  plainWrite({ id }: Thread, index: number, site: number): void {
    const clock = this.#clock(id);
    const word = this.#word(index);
    this.#mustKnow(clock, id, word.plainWrites, index, site);
    this.#mustKnow(clock, id, word.writes, index, site);
    this.#mustKnow(clock, id, word.plainReads, index, site);
    this.#mustKnow(clock, id, word.reads, index, site);
    word.plainWrites[id] = clock[id];
  }

  #mustKnow(clock: Int32Array, id: number, accesses: Int32Array, index: number, _site: number): void {
    for (let i = 0; i < MOST_THREADS; i++) {
      if (i !== id && accesses[i] > clock[i]) throw new Race(index, id, i);
    }
  }

  #clock(id: number): Int32Array {
    return this.#clocks[id] ??= new Int32Array(MOST_THREADS).fill(1, id, id + 1);
  }

  #word(index: number): Word {
    let word = this.#words.get(index);
    if (word === undefined) {
      word = {
        released: undefined,
        plainReads: new Int32Array(MOST_THREADS),
        plainWrites: new Int32Array(MOST_THREADS),
        reads: new Int32Array(MOST_THREADS),
        writes: new Int32Array(MOST_THREADS),
      };
      this.#words.set(index, word);
    }
    return word;
  }
}

/** The scenario does not hold. */
export class Failure extends Error {}

/** Two threads accessed a word at one time, one of them by a plain access. */
export class Race extends Failure {
  constructor(readonly index: number, readonly thread: number, readonly other: number) {
    super("");
  }
}
