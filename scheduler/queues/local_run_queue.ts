/**
 * A P's ring of G slots and its `runnext`, as in Go's runtime/proc.go (runqput, runqget, runqgrab).
 *
 * - The M that holds the P is the one producer: it alone writes the tail and the ring.
 * - It and any thief take at the head, by CAS. Positions only grow, so a CAS that succeeds proves that the entries
 *   read before it were still there.
 * - `runnext` (slot + 1, 0 for none) runs before the ring. The owner puts and takes it; a thief may take it, by CAS.
 */
import { cas, exchange, load, store } from "../arena/atomics.ts";
import type { GlobalRunQueue } from "./global_run_queue.ts";
import type { Arena } from "../arena/arena.ts";
import { P_HEAD, P_NEXT, P_RING, P_TAIL, RING_SIZE } from "../arena/layout/p.ts";

const EMPTY = -1;

/** What anyone may do with any P's ring. */
class Stealer {
  protected readonly words: Int32Array;
  protected readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
    this.words = arena.i32;
  }

  isEmpty(p: number): boolean {
    const at = this.arena.processor(p);
    return load(this.words, at + P_HEAD) === load(this.words, at + P_TAIL) &&
      load(this.words, at + P_NEXT) === 0;
  }

  /** A hint. */
  length(p: number): number {
    const at = this.arena.processor(p);
    const length = (load(this.words, at + P_TAIL) - load(this.words, at + P_HEAD)) | 0;
    return Math.max(0, length) + (load(this.words, at + P_NEXT) === 0 ? 0 : 1);
  }

  /** What is the `n`th to run, from 0, or -1. A hint: it may have been taken by now. */
  peek(p: number, n: number): number {
    const at = this.arena.processor(p);
    const next = load(this.words, at + P_NEXT);
    if (next !== 0 && n-- === 0) return next - 1;
    const head = load(this.words, at + P_HEAD);
    const isThere = n < ((load(this.words, at + P_TAIL) - head) | 0);
    return isThere ? load(this.words, at + P_RING + ((head + n) & (RING_SIZE - 1))) : EMPTY;
  }

  /** Changes whenever one is taken from its ring. */
  head(p: number): number {
    return load(this.words, this.arena.processor(p) + P_HEAD);
  }

  /**
   * Moves half of the victim's ring (and its runnext, only if that is all there is and `takeNext`) to the ring of
   * `thief`, whose owner calls and whose ring is empty. Returns one of them to run, or -1.
   */
  steal(victim: number, thief: number, takeNext: boolean): number {
    const words = this.words;
    const from = this.arena.processor(victim);
    const to = this.arena.processor(thief);
    const tail = load(words, to + P_TAIL);
    if (load(words, to + P_HEAD) !== tail) throw new Error("Heddle: an M steals that has work of its own.");
    for (;;) {
      const head = load(words, from + P_HEAD);
      const length = (load(words, from + P_TAIL) - head) | 0;
      if (length <= 0) {
        const next = takeNext ? load(words, from + P_NEXT) : 0;
        return next !== 0 && cas(words, from + P_NEXT, next, 0) ? next - 1 : EMPTY;
      }
      if (length > RING_SIZE) continue; // Head and tail were not read at one time.
      const count = length - (length >> 1);
      for (let i = 0; i < count; i++) {
        const slot = load(words, from + P_RING + ((head + i) & (RING_SIZE - 1)));
        store(words, to + P_RING + ((tail + i) & (RING_SIZE - 1)), slot);
      }
      if (!cas(words, from + P_HEAD, head, (head + count) | 0)) continue;
      const last = load(words, to + P_RING + ((tail + count - 1) & (RING_SIZE - 1)));
      // Publishes the others. Partner: the load of the tail by thieves.
      if (count > 1) store(words, to + P_TAIL, (tail + count - 1) | 0);
      return last;
    }
  }
}

/** What only the M that holds the P may do. */
export class LocalRunQueue extends Stealer {
  readonly #global: Pick<GlobalRunQueue, "push">;

  constructor(arena: Arena, global: Pick<GlobalRunQueue, "push">) {
    super(arena);
    this.#global = global;
  }

  push(p: number, slot: number): void {
    const words = this.words;
    const at = this.arena.processor(p);
    for (;;) {
      const head = load(words, at + P_HEAD);
      const tail = load(words, at + P_TAIL);
      if (((tail - head) | 0) < RING_SIZE) {
        store(words, at + P_RING + (tail & (RING_SIZE - 1)), slot);
        store(words, at + P_TAIL, (tail + 1) | 0);
        return;
      }
      if (this.#spill(at, head)) {
        this.#global.push(slot);
        return;
      }
    }
  }

  /** Makes `slot` the next to run. What was next goes to the ring. */
  pushNext(p: number, slot: number): void {
    const kicked = exchange(this.words, this.arena.processor(p) + P_NEXT, slot + 1);
    if (kicked !== 0) this.push(p, kicked - 1);
  }

  /** Returns -1 when there is nothing. */
  pop(p: number): number {
    const words = this.words;
    const at = this.arena.processor(p);
    const next = load(words, at + P_NEXT);
    if (next !== 0 && cas(words, at + P_NEXT, next, 0)) return next - 1;
    for (;;) {
      const head = load(words, at + P_HEAD);
      if (load(words, at + P_TAIL) === head) return EMPTY;
      const slot = load(words, at + P_RING + (head & (RING_SIZE - 1)));
      if (cas(words, at + P_HEAD, head, (head + 1) | 0)) return slot;
    }
  }

  /** Everything goes to the global queue: the P is being given up for good. */
  moveToGlobal(p: number): void {
    for (let slot = this.pop(p); slot !== EMPTY; slot = this.pop(p)) this.#global.push(slot);
  }

  /** Half of a full ring goes to the global queue. False when a thief was faster. */
  #spill(at: number, head: number): boolean {
    const half = RING_SIZE / 2;
    const slots = Array.from(
      { length: half },
      (_, i) => load(this.words, at + P_RING + ((head + i) & (RING_SIZE - 1))),
    );
    if (!cas(this.words, at + P_HEAD, head, (head + half) | 0)) return false;
    for (const slot of slots) this.#global.push(slot);
    return true;
  }
}
