/** How long an M has kept its thread in the present turn of its loop, as sysmon sees it: by the clock, and in CPU time. */

/**
 * Slices of the clock after which a thread that has not used up its own is taken for one that sleeps in a system call. Guess:
 * with four others on its CPU it would have got its own slice by then.
 */
const SLICES_UNUSED = 5;

/** All times are nanoseconds. */
export class Turn {
  #number = -1;
  /** When it was last seen; 0: not since it began, or was frozen. */
  #seen = 0;
  /** When its slice began, or sysmon last asked for it. */
  since = 0;
  /** How long it has kept its thread. */
  ran = 0;
  /** Questions to the thread. */
  tries = 0;
  /** The CPU time of the thread when the turn began, when the slice did, and by now. */
  #start = 0;
  #slice = 0;
  #used = 0;

  /** The time since the last look belongs to the turn, if that is the same. Whether it is a new one. */
  look(number: number, used: number, now: number): boolean {
    const isNew = this.#number !== number;
    if (isNew) {
      this.#number = number;
      this.#start = used;
      this.ran = this.tries = this.#seen = 0;
    }
    // A new turn, or one that was frozen and goes on.
    if (this.#seen === 0) {
      this.since = now;
      this.#slice = used;
    } else {
      this.ran += now - this.#seen;
    }
    this.#seen = now;
    this.#used = used;
    return isNew;
  }

  get number(): number {
    return this.#number;
  }

  /** CPU time. */
  get used(): number {
    return this.#used - this.#start;
  }

  /** Of its own slice, in CPU time: what others have of the CPU is not its fault. */
  left(slice: number, now: number): number {
    const left = slice - (this.#used - this.#slice);
    return Math.min(left, Math.max(left / 2, SLICES_UNUSED * slice - (now - this.since)));
  }

  /** What follows is another slice, and not the thread's time until it goes on. */
  pause(): void {
    this.#seen = 0;
  }
}
