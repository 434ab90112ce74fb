/**
 * What the threads are for: the role word of each.
 *
 *   NONE       no thread has this number. Left by the host, which starts one as SPARE or POOL.
 *   SPARE      started ahead of need. Anyone claims it, by CAS, for the pool, and then tries to take it out of its sleep; the
 *              spare announces, then reads its role. The host also claims it for a task alone: it sleeps on until its mail.
 *   POOL       runs tasks. It stays that until it ends; if it does so for want of use, it makes itself NONE before.
 *   LOCKED     runs only what is bound to it (thread_lock.ts), with a P of the pool.
 *   DEDICATED  the same, with an exempt P; or it is about to get the task that it is for, by mail. All three of these an M
 *              makes of itself.
 *
 * The host makes it NONE when a thread has ended.
 */
import { cas, load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { ISOLATES } from "../arena/layout/header.ts";
import { HOST, M_ROLE } from "../arena/layout/m.ts";
import type { Parker } from "./parker.ts";
import { isBlocked, isFrozen, isLost, lacksP } from "./sleep_word.ts";

export const NONE = 0;
export const SPARE = 1;
export const POOL = 2;
export const DEDICATED = 3;
export const LOCKED = 4;
export type Role = typeof NONE | typeof SPARE | typeof POOL | typeof DEDICATED | typeof LOCKED;

export class Roles {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #parker: Parker;

  constructor(arena: Arena, parker: Parker) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#parker = parker;
  }

  of(isolate: number): Role {
    return load(this.#words, this.#at(isolate)) as Role;
  }

  /** By the host, when the thread has not begun or has ended; else by itself, unless it is a spare. */
  set(isolate: number, role: Role): void {
    store(this.#words, this.#at(isolate), role);
  }

  /** False if it is no spare, or somebody else was faster. */
  claim(isolate: number, role: typeof POOL | typeof DEDICATED): boolean {
    return cas(this.#words, this.#at(isolate), SPARE, role);
  }

  /** By a thread of the pool that means to end: whether enough others stay. Two at once may be one too many; the host refills. */
  resign(isolate: number, procs: number): boolean {
    return this.available > procs && cas(this.#words, this.#at(isolate), POOL, NONE);
  }

  /** How many there are, with those that are starting. */
  get threads(): number {
    return this.#count((isolate) => this.of(isolate) !== NONE);
  }

  /** How many the pool has, in calls or not, and can get. */
  poolCanHave(maxThreads: number): number {
    return this.count(POOL) + this.count(SPARE) + maxThreads - this.threads;
  }

  /** How many threads have the role. */
  count(role: Role): number {
    return this.#count((isolate) => this.of(isolate) === role);
  }

  /** Threads that are in a blocking call, or back from one, and have no P. */
  get blocked(): number {
    return this.#count((isolate) => isBlocked(this.#parker.state(isolate)));
  }

  /** Threads that can use a P. For moments one too few, and never too many: the mark is made before the P is taken. */
  get available(): number {
    return this.#count((isolate) => this.of(isolate) === POOL && !lacksP(this.#parker.state(isolate)));
  }

  /** Threads that wait in the middle of a task's code for their next slice. */
  get frozen(): number {
    return this.#count((isolate) => {
      const state = this.#parker.state(isolate);
      return isFrozen(state) && !isLost(state);
    });
  }

  #count(isCounted: (isolate: number) => boolean): number {
    let count = 0;
    for (const isolate of this.isolates) if (isCounted(isolate)) count++;
    return count;
  }

  /** The numbers that threads have, or had so far. */
  get isolates(): number[] {
    return Array.from({ length: load(this.#words, ISOLATES) - 1 }, (_, i) => HOST + 1 + i);
  }

  /** The lowest of them of which that holds; HOST if there is none. */
  first(holds: (isolate: number) => boolean): number {
    const end = load(this.#words, ISOLATES);
    for (let isolate = HOST + 1; isolate < end; isolate++) {
      if (holds(isolate)) return isolate;
    }
    return HOST;
  }

  #at(isolate: number): number {
    return this.#arena.isolate(isolate) + M_ROLE;
  }
}
