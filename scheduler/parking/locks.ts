/**
 * When a thread may be frozen: not while it is in the scheduler (Go's m.locks). Others would wait for what it holds there, or
 * it would go on with a P that it no longer has.
 *
 * The loop counts 1 but for the time in which tasks run: in each `await`, in the call of a task's function, and in that of an
 * abort listener, as mail is read: there the M has nothing in its hands but its P. What tasks call counts itself, if it touches
 * what others share: critical sections, wakes, publishing, blocking calls. A freeze between two of these breaks nothing.
 *
 * The word counts in its lowest byte, and above that it has the number of the turn: sysmon sees by it how long one turn
 * of the loop lasts. Its writer is the thread, its reader the handler of SIGURG on the very same thread, so program order
 * is all that counts, and plain access will do. sysmon reads it too, for whom any moment is as good as the next.
 */
import type { Arena } from "../arena/arena.ts";
import { M_GIVEN, M_LOCKS, M_RUNS } from "../arena/layout/m.ts";

const ONE_TURN = 1 << 8;

/** The number of a thread's turn, by others. */
export function turnOf(locks: number): number {
  return locks >>> 8;
}

/** In M_STALLED: that turn was too long. Not 0, which fresh memory has. */
export function stallOf(turn: number): number {
  return (turn << 1) | 1;
}

export class Locks {
  readonly #words: Int32Array;
  readonly #count: number;
  readonly #given: number;
  readonly #runs: number;
  #turn = 0;
  /** What the thread does when it was frozen, or has lost its P where it could not be. Gets what M_GIVEN says. */
  takeUp: (given: number) => void = () => {};

  constructor(arena: Arena, isolate: number) {
    this.#words = arena.i32;
    this.#count = arena.isolate(isolate) + M_LOCKS;
    this.#given = arena.isolate(isolate) + M_GIVEN;
    this.#runs = arena.isolate(isolate) + M_RUNS;
  }

  /** From a task's code into the scheduler, which may be there already. */
  hold(): void {
    this.#words[this.#count]++;
    // In this order: the handler writes it while the count is 0, and not later.
    if (this.#words[this.#given] !== 0) this.#takeUp();
  }

  /** Back again. Who throws instead makes the thread unfreezable, until the loop has its next turn. */
  release(): void {
    this.#words[this.#count]--;
  }

  /**
   * A task's code in the middle of the scheduler's, where it has nothing in hand: the thread may be frozen in there. It may
   * have another P afterwards; or none, if all is closing.
   */
  outside(run: () => void): void {
    const held = this.#words[this.#count] & (ONE_TURN - 1);
    this.leave();
    try {
      run();
    } finally {
      this.#words[this.#count] = this.#turn | held;
      if (held !== 0 && this.#words[this.#given] !== 0) this.#takeUp();
    }
  }

  /** By the loop: what follows is the scheduler's. */
  enter(): void {
    this.#turn = (this.#turn + ONE_TURN) | 0;
    this.#words[this.#count] = this.#turn | 1;
    if (this.#words[this.#given] !== 0) this.#takeUp();
    this.#words[this.#runs] = 0;
  }

  /** A task of that definition is about to run, until it enters; -1: nobody knows. sysmon reads that as it reads the count. */
  runs(definition: number): void {
    this.#words[this.#runs] = definition + 1;
  }

  get turn(): number {
    return turnOf(this.#turn);
  }

  /** It has got a P: its time slice begins. */
  beginTurn(): void {
    this.#turn = (this.#turn + ONE_TURN) | 0;
    this.#words[this.#count] = this.#turn | (this.#words[this.#count] & (ONE_TURN - 1));
  }

  /** By the loop: tasks run now, by a call or since it awaits something. */
  leave(): void {
    this.#words[this.#count] = this.#turn;
  }

  #takeUp(): void {
    const given = this.#words[this.#given];
    this.#words[this.#given] = 0;
    this.takeUp(given);
  }
}
