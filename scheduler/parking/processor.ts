/**
 * The status word of a P: what becomes of it, and who has it.
 *
 *   P_STOPPED        not counted: at or above PROCS. Zero, the state of fresh memory. Left by Idle's settling alone.
 *   P_IDLE           in nobody's hands. Anyone takes it, by CAS.
 *   P_RUNNING(m)     in the hands of the M m, or, with m = 0, on its way to one. Its holder alone leaves this state.
 *   P_IN_CALL(m, n)  m's, which is in the nth of its blocking calls. m goes back to P_RUNNING when that returns, and anyone
 *                    may take the P meanwhile: both by CAS, so one of them gets it.
 *
 * The number stays in the word when a call has returned: so sysmon sees that there are calls, although they are short.
 */
import { cas, load, store } from "../arena/atomics.ts";
import { type Arena, HOST, MAX_PROCS, P_STATUS } from "../arena/memory_layout.ts";

const P_STOPPED = 0;
const P_IDLE = 1;
const P_RUNNING = 2;
const P_IN_CALL = 3;
const KIND = 3;

const HOLDER_SHIFT = 2;
/** The highest isolate number is 2048. */
const HOLDER = 4095;
const CALL_SHIFT = 14;
/** A taker that looked at a call and slept through 2^17 others of that M may take the P of one that has just begun. */
const CALLS = (1 << 17) - 1;

/** What an M writes into its P's word for its nth call. */
export function callWord(isolate: number, call: number): number {
  return P_IN_CALL | isolate << HOLDER_SHIFT | (call & CALLS) << CALL_SHIFT;
}

export function isInCall(word: number): boolean {
  return (word & KIND) === P_IN_CALL;
}

/** In the hands of an M that runs with it. */
export function isRunning(word: number): boolean {
  return (word & KIND) === P_RUNNING && holder(word) !== HOST;
}

/** Given to an M that has not taken it into its hands yet. */
export function isOnItsWay(word: number): boolean {
  return (word & KIND) === P_RUNNING && holder(word) === HOST;
}

/** The M that has it; the host's number if nobody has. */
export function holder(word: number): number {
  return word >> HOLDER_SHIFT & HOLDER;
}

/** Of its holder, so far. */
export function calls(word: number): number {
  return word >>> CALL_SHIFT;
}

export class Processors {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #size: number;

  constructor(arena: Arena) {
    this.#words = arena.i32;
    this.#first = arena.processor(0) + P_STATUS;
    this.#size = arena.processor(1) - arena.processor(0);
  }

  word(p: number): number {
    return load(this.#words, this.at(p));
  }

  /** An idle P is on its way to somebody. */
  take(p: number): boolean {
    return cas(this.#words, this.at(p), P_IDLE, P_RUNNING);
  }

  /** By the M that was given it. */
  hold(p: number, isolate: number): void {
    store(this.#words, this.at(p), P_RUNNING | isolate << HOLDER_SHIFT);
  }

  /** By its holder, which is about to give it to another M. */
  pass(p: number): void {
    store(this.#words, this.at(p), P_RUNNING);
  }

  /** By who has written another M's name there, which did not come. False: that M is dead, and the host has the P. */
  takeBack(p: number, isolate: number): boolean {
    return cas(this.#words, this.at(p), P_RUNNING | isolate << HOLDER_SHIFT, P_RUNNING);
  }

  /** By its holder, which settles it next. */
  drop(p: number): void {
    store(this.#words, this.at(p), P_STOPPED);
  }

  /** Whether a P that nobody holds was brought in line with whether it is counted. */
  settle(p: number, isCounted: boolean): boolean {
    return isCounted
      ? cas(this.#words, this.at(p), P_STOPPED, P_IDLE)
      : cas(this.#words, this.at(p), P_IDLE, P_STOPPED);
  }

  /** By its holder. Partner: retake(). */
  enterCall(p: number, word: number): void {
    store(this.#words, this.at(p), word);
  }

  /** By the M that was its holder. False: it was taken. */
  leaveCall(p: number, word: number): boolean {
    return cas(this.#words, this.at(p), word, word ^ P_IN_CALL ^ P_RUNNING);
  }

  /** Takes it from an M that is in the very call that was seen before; it is on its way then. */
  retake(p: number, word: number): boolean {
    return cas(this.#words, this.at(p), word, P_RUNNING);
  }

  /** By sysmon, of an M that cannot touch it. False: that has died, and the host has its P. Partner: inherit(). */
  takeFrom(p: number, isolate: number): boolean {
    const word = this.word(p);
    return isRunning(word) && holder(word) === isolate && cas(this.#words, this.at(p), word, P_RUNNING);
  }

  /** By an M that may not know which it has: what it was given when it was frozen. -1: none. */
  heldBy(isolate: number): number {
    for (let p = 0; p < MAX_PROCS; p++) {
      const word = this.word(p);
      if (isRunning(word) && holder(word) === isolate) return p;
    }
    return -1;
  }

  /** The P that a dead M left, in the hands of the caller now; -1 if it had none. Partners: takeBack(), takeFrom(). */
  inherit(isolate: number): number {
    for (let p = 0; p < MAX_PROCS; p++) {
      const word = this.word(p);
      if (holder(word) === isolate && this.retake(p, word)) return p;
    }
    return -1;
  }

  at(p: number): number {
    return this.#first + p * this.#size;
  }
}
