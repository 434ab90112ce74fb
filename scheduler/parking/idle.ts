/**
 * Idle Ps and spinning Ms, counted in one packed word: idle Ps in the upper half, spinning Ms in the lower. A submitter
 * publishes its work and reads the word once: if somebody spins, or no P is idle, it is done (wakeups.ts). The counts follow
 * the P's status words: a P is marked idle before it is counted and taken before it is discounted, so the count can lag, in
 * either direction and briefly below zero. Whoever made it lag looks for work after correcting it, or holds a P.
 */
import { add, cas, load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { IDLE_COUNTS, MOST_PROCS, PROCS } from "../arena/layout/header.ts";
import { MAX_PROCS } from "../arena/layout/p.ts";
import { Processors } from "./processor.ts";
import type { SysmonSleep } from "./sysmon_sleep.ts";

const ONE_IDLE = 1 << 16;
const SPINNING_MASK = ONE_IDLE - 1;

/** An M that has no P. */
export const NO_P = -1;
/** A dedicated M's own P: outside `procs`, and with nothing that others could want of it, so it has no record. */
export const EXEMPT_P = MAX_PROCS;

export class Idle {
  readonly ps: Processors;
  readonly #words: Int32Array;
  readonly #sysmon: SysmonSleep;

  constructor(arena: Arena, sysmon: SysmonSleep) {
    this.ps = new Processors(arena);
    this.#words = arena.i32;
    this.#sysmon = sysmon;
  }

  get procs(): number {
    return load(this.#words, PROCS);
  }

  get mostProcs(): number {
    return load(this.#words, MOST_PROCS);
  }

  get idlePs(): number {
    return load(this.#words, IDLE_COUNTS) >> 16;
  }

  /** Whether a P is idle, or an M looks for work. */
  get isAnyHungry(): boolean {
    const word = load(this.#words, IDLE_COUNTS);
    return (word & SPINNING_MASK) !== 0 || word >> 16 > 0;
  }

  get spinning(): number {
    return load(this.#words, IDLE_COUNTS) & SPINNING_MASK;
  }

  /**
   * By the host. Ps beyond `n` that are running stop when their M looks for work the next time. Returns how many there are
   * more than before: Wakeups.setProcs() wakes somebody for each.
   */
  setProcs(n: number): number {
    const before = this.procs;
    if (n > this.mostProcs) store(this.#words, MOST_PROCS, n);
    store(this.#words, PROCS, n);
    for (let p = Math.min(before, n); p < Math.max(before, n); p++) this.#settle(p);
    return Math.max(0, n - before);
  }

  /** An idle P, `first` if that is one. It is on its way: who is given it stores itself there. */
  acquireP(first = 0): number {
    const procs = this.procs;
    for (let i = 0; i < procs; i++) {
      const p = (first + i) % procs;
      if (!this.ps.take(p)) continue;
      // Partner: sysmon announces that it sleeps, then reads the count.
      if (add(this.#words, IDLE_COUNTS, -ONE_IDLE) >> 16 >= procs) this.#sysmon.wakeIfAsleep();
      return p;
    }
    return NO_P;
  }

  /** The P's ring is empty. The caller looks for work afterwards, or calls Wakeups.wakeIfWork(). */
  releaseP(p: number): void {
    this.ps.drop(p);
    this.#settle(p);
  }

  /** Brings a P that nobody holds in line with PROCS. Loops until both agree: so of setProcs() and a release the second sees the first. */
  #settle(p: number): void {
    for (;;) {
      const isCounted = p < this.procs;
      if (!this.ps.settle(p, isCounted)) return;
      add(this.#words, IDLE_COUNTS, isCounted ? ONE_IDLE : -ONE_IDLE);
      // Partner: as in acquireP(). It was counted as idle after PROCS had been lowered.
      if (!isCounted) this.#sysmon.wakeIfAsleep();
    }
  }

  /** Whether the caller, which holds a P, may spin: at most half of the busy Ps' number does. */
  startSpinning(): boolean {
    const word = load(this.#words, IDLE_COUNTS);
    if (2 * (word & SPINNING_MASK) >= this.procs - (word >> 16)) return false;
    add(this.#words, IDLE_COUNTS, 1);
    return true;
  }

  /** The caller was about to sleep, saw something to do, and has a P: it spins, whatever the number of those that do. */
  spinFurther(): void {
    add(this.#words, IDLE_COUNTS, 1);
  }

  /**
   * The caller spun, and found work; or nothing: then it has released its P, and looks at everything once more. Whether it was
   * the last one that spun, on which submitters relied.
   */
  stopSpinning(): boolean {
    return (add(this.#words, IDLE_COUNTS, -1) & SPINNING_MASK) === 1;
  }

  /** If a P is idle and nobody spins: one more spins, whom the caller is to wake with a P, or else discounts. */
  startWaking(): boolean {
    for (;;) {
      const word = load(this.#words, IDLE_COUNTS);
      if ((word & SPINNING_MASK) !== 0 || (word >> 16) <= 0) return false;
      if (cas(this.#words, IDLE_COUNTS, word, word + 1)) return true;
    }
  }

  /** If every P is busy and nobody spins: one more spins, as above. */
  startLooking(): boolean {
    return cas(this.#words, IDLE_COUNTS, 0, 1);
  }
}
