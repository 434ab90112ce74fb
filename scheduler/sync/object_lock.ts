/**
 * The locks of objects in the arena, for critical sections that are short: nothing within allocates or throws. An object's
 * first word is its lock: 0, or the number of the isolate that is inside plus 1, so that the host can tell when that one
 * died there.
 *
 * Who leaves counts that in O_TURNS, before the lock opens. So who may not wait can read an object without its lock, and
 * knows by both words whether anybody was inside meanwhile: seen_objects.ts. The lowest bit says that the object is complete: it
 * is in the list of all objects before that.
 */
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Shim } from "../../ffi/shim.ts";
import { cas, pause, store } from "../arena/atomics.ts";
import { O_TURNS } from "../arena/layout/object.ts";
import type { Locks } from "../parking/locks.ts";

/** Pauses of 35 ns while another isolate is inside, before it is offered this CPU. Guess: sections are shorter. */
const PAUSES_BEFORE_YIELD = 32;

const ONE_TURN = 2;
const COMPLETE_BIT = 1;

/** Whether an object with that count has all that it begins with. */
export function isComplete(turns: number): boolean {
  return (turns & COMPLETE_BIT) !== 0;
}

export class ObjectLocks {
  readonly #words: Int32Array;
  readonly #mark: number;
  /** Who is inside is not frozen. */
  readonly #freezeGuard: Locks;
  readonly #shim: Pick<Shim, "yieldCpu">;

  constructor(words: Int32Array, isolate: number, freezeGuard: Locks, shim: Pick<Shim, "yieldCpu">) {
    this.#words = words;
    this.#mark = isolate + 1;
    this.#freezeGuard = freezeGuard;
    this.#shim = shim;
  }

  lock(object: number): void {
    this.#freezeGuard.hold();
    if (!cas(this.#words, object, 0, this.#mark)) this.#lockSlowly(object);
  }

  #lockSlowly(object: number): void {
    for (let round = 1; !cas(this.#words, object, 0, this.#mark); round++) {
      if (round % PAUSES_BEFORE_YIELD === 0) this.#shim.yieldCpu();
      else pause();
    }
  }

  unlock(object: number): void {
    // Plain: the lock is the caller's. Partner: SeenObjects, which glances.
    this.#words[object + O_TURNS] += ONE_TURN;
    store(this.#words, object, 0);
    this.#freezeGuard.release();
  }

  /** A word of the object's state. */
  look(object: number, word: number): number {
    reserveStack();
    this.lock(object);
    const value = this.#words[object + word];
    this.unlock(object);
    return value;
  }

  /** By who has made the object, with all that it begins with: from here on it may be seen. Only the host may look at it before. */
  appear(object: number): void {
    this.lock(object);
    this.#words[object + O_TURNS] |= COMPLETE_BIT;
    this.unlock(object);
  }

  /** By the host: a thread died inside. */
  breakLock(object: number, dead: number): void {
    cas(this.#words, object, dead + 1, 0);
  }
}
