/**
 * A global run queue: work that belongs to no P. Entries are G slots (0 and up), and notes that an M needs a P
 * (`-isolate`). What the host starts comes through here, as does what spills from full local rings. There is one for each
 * priority: global_run_queues.ts.
 *
 * A bounded queue for many producers and consumers after Dmitry Vyukov: each cell has a turn word that says whose turn
 * it is at that cell, so producers meet only on the tail, and consumers only on the head. It is never full: its capacity covers every
 * slot once, and every thread twice. A slot is in it at most once; a note too, but for a second one after a death.
 *
 * A cell's turn word at index i holds, for the round r (0 at the start, + capacity each time round):
 *   r      empty, for the producer at position i + r
 *   r + 1  full, for the consumer at position i + r
 */
import { cas, load, pause, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { GLOBAL_HEAD, GLOBAL_TAIL, LINE, PRIORITY_HEADS } from "../arena/layout/header.ts";
import { USER_VISIBLE } from "../tasks/priority.ts";

export class GlobalRunQueue {
  readonly #words: Int32Array;
  readonly #cells: number;
  readonly #mask: number;
  readonly #head: number;
  readonly #tail: number;

  constructor(arena: Arena, priority = USER_VISIBLE) {
    this.#words = arena.i32;
    this.#cells = arena.globalCells + priority * arena.globalCapacity * 2;
    this.#mask = arena.globalCapacity - 1;
    const others = PRIORITY_HEADS + (priority - 1) * 2 * LINE;
    [this.#head, this.#tail] = priority === USER_VISIBLE
      ? [GLOBAL_HEAD, GLOBAL_TAIL]
      : [others, others + LINE];
  }

  push(entry: number): void {
    const words = this.#words;
    for (;;) {
      const position = load(words, this.#tail);
      const cell = this.#cells + (position & this.#mask) * 2;
      const ahead = (load(words, cell) - (position & ~this.#mask)) | 0;
      if (ahead === 0) {
        if (!cas(words, this.#tail, position, (position + 1) | 0)) continue;
        store(words, cell + 1, entry);
        // Partner: the load of the turn in ready().
        store(words, cell, (position & ~this.#mask) + 1);
        return;
      }
      if (ahead >= 0) continue;
      // The cell is not empty. Either the queue is full; or a consumer was interrupted between taking the entry and
      // emptying the cell, and the others went round once meanwhile: then we wait for it.
      const isFull = ((position - load(words, this.#head)) | 0) > this.#mask;
      if (isFull && load(words, this.#tail) === position) {
        throw new Error("Heddle: the global run queue is full, although each slot can be in it only once.");
      }
      pause();
    }
  }

  /**
   * Takes up to `most` entries and gives them to `take`, oldest first. A note ends a batch, or is one by itself.
   * Returns how many.
   */
  pop(most: number, take: (entry: number) => void): number {
    const words = this.#words;
    for (;;) {
      const head = load(words, this.#head);
      let count = 0;
      while (count < most && this.#isReady(head + count)) {
        // Read before the entry is ours: the CAS below fails if it was taken and replaced meanwhile.
        const isNote = load(words, this.#cell(head + count) + 1) < 0;
        if (isNote && count > 0) break;
        count++;
        if (isNote) break;
      }
      if (count === 0) {
        if (load(words, this.#head) === head) return 0;
        continue;
      }
      if (!cas(words, this.#head, head, (head + count) | 0)) continue;
      for (let i = 0; i < count; i++) {
        const position = (head + i) | 0;
        const cell = this.#cell(position);
        const entry = load(words, cell + 1);
        this.#empty(position);
        take(entry);
      }
      return count;
    }
  }

  /** The M whose note is the oldest entry, which is taken out; 0 if that is none. */
  popNote(): number {
    const words = this.#words;
    for (;;) {
      const head = load(words, this.#head);
      if (!this.#isReady(head)) return 0;
      // As in pop().
      const entry = load(words, this.#cell(head) + 1);
      if (entry >= 0) return 0;
      if (!cas(words, this.#head, head, (head + 1) | 0)) continue;
      this.#empty(head);
      return -entry;
    }
  }

  /** What is the `n`th entry, from 0; undefined if there is none. A hint: it may have been taken by now. */
  peek(n: number): number | undefined {
    const position = (load(this.#words, this.#head) + n) | 0;
    return this.#isReady(position) ? load(this.#words, this.#cell(position) + 1) : undefined;
  }

  /** Changes whenever one is taken. */
  get head(): number {
    return load(this.#words, this.#head);
  }

  /** By the host after a death. A hint when false: somebody may have just taken it, or not have finished its push. */
  includes(entry: number): boolean {
    const end = load(this.#words, this.#tail);
    for (let position = load(this.#words, this.#head); position !== end; position = (position + 1) | 0) {
      if (load(this.#words, this.#cell(position) + 1) === entry && this.#isReady(position)) return true;
    }
    return false;
  }

  /** A hint: producers that have not finished their push count as not there. They wake somebody after it. */
  isEmpty(): boolean {
    return !this.#isReady(load(this.#words, this.#head));
  }

  /** A hint, for fair shares and statistics. */
  get length(): number {
    return (load(this.#words, this.#tail) - load(this.#words, this.#head)) | 0;
  }

  /** For the producer that comes round next. */
  #empty(position: number): void {
    store(this.#words, this.#cell(position), ((position & ~this.#mask) + this.#mask + 1) | 0);
  }

  #cell(position: number): number {
    return this.#cells + (position & this.#mask) * 2;
  }

  #isReady(position: number): boolean {
    return load(this.#words, this.#cell(position)) === (((position & ~this.#mask) + 1) | 0);
  }
}
