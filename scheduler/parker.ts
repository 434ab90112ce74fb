/**
 * The sleep word of an isolate: who may wake it, how, and with which P.
 *
 *   AWAKE             runs, or looks for work. Nobody but itself leaves this state.
 *   PARKED_*          an M without a P (or the host) that sleeps, or is about to. Anyone may take it out, by CAS.
 *   SPARE_FUTEX       a thread that was started ahead of need. The host takes it out of this state, with a task for it
 *                     alone in its mail, or with the word that it is one of the pool.
 *   KEEPS_P_*         an M that sleeps and keeps its P: a dedicated one its own, another one while a task's module or
 *                     arguments are on their way. Anyone may make it AWAKE.
 *   given(p)          it was given a P, and the giver is waking it. Only itself leaves this state.
 *
 * _FUTEX and _EVENT_LOOP say how it sleeps, so how to wake it. The order that prevents lost wakeups: a sleeper stores
 * its state, then looks at everything that should keep it awake, then sleeps on the value stored. A waker publishes its
 * reason, then reads the state. See README.md, "No wakeup is lost".
 */
import { cas, exchange, type Futex, load, notify, sleepInEventLoop, store } from "./atomics.ts";
import { type Arena, M_SLEEP } from "./memory_layout.ts";

export const AWAKE = 0;
export const PARKED_FUTEX = 1;
export const PARKED_EVENT_LOOP = 2;
export const KEEPS_P_FUTEX = 3;
export const KEEPS_P_EVENT_LOOP = 4;
export const SPARE_FUTEX = 5;
export type SleepState =
  | typeof PARKED_FUTEX
  | typeof PARKED_EVENT_LOOP
  | typeof KEEPS_P_FUTEX
  | typeof KEEPS_P_EVENT_LOOP
  | typeof SPARE_FUTEX;

const GIVEN = 16;

/** The M has P `p` from now on. `spinning`: the giver has counted it as a spinning M. */
export function given(p: number, spinning: boolean): number {
  return GIVEN + p * 2 + (spinning ? 1 : 0);
}

export function isGiven(state: number): boolean {
  return state >= GIVEN;
}

export function givenP(state: number): number {
  return (state - GIVEN) >> 1;
}

export function givenSpinning(state: number): boolean {
  return ((state - GIVEN) & 1) === 1;
}

export function isParkedWithoutP(state: number): boolean {
  return state === PARKED_FUTEX || state === PARKED_EVENT_LOOP;
}

export class Parker {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #futex: Futex;

  constructor(arena: Arena, futex: Futex) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#futex = futex;
  }

  state(isolate: number): number {
    return load(this.#words, this.#word(isolate));
  }

  /** By a waker. False when the isolate left `asleep` meanwhile. */
  unpark(isolate: number, asleep: number, next: number): boolean {
    const word = this.#word(isolate);
    if (!cas(this.#words, word, asleep, next)) return false;
    if (asleep === PARKED_EVENT_LOOP || asleep === KEEPS_P_EVENT_LOOP) notify(this.#words, word);
    else this.#futex.wake(word);
    return true;
  }

  /** By the sleeper: from here on it can be woken, and must look once more at its reasons to stay awake. */
  announce(isolate: number, asleep: SleepState): void {
    store(this.#words, this.#word(isolate), asleep);
  }

  /** By the sleeper: AWAKE again. Returns the state it was in: it may have been given a P. */
  retract(isolate: number, asleep: SleepState): number {
    const word = this.#word(isolate);
    if (cas(this.#words, word, asleep, AWAKE)) return AWAKE;
    const state = load(this.#words, word);
    store(this.#words, word, AWAKE);
    return state;
  }

  /** By the host, of an isolate that has ended. Returns the last state. */
  bury(isolate: number): number {
    return exchange(this.#words, this.#word(isolate), AWAKE);
  }

  sleep(isolate: number, asleep: SleepState, timeoutMs: number): void {
    // A timeout of 0.2 us would be cut to 0 and spin.
    const timeoutUs = timeoutMs === Infinity ? -1 : Math.ceil(timeoutMs * 1000);
    this.#futex.sleep(this.#word(isolate), asleep, timeoutUs);
  }

  sleepInEventLoop(isolate: number, asleep: SleepState, timeoutMs: number): Promise<unknown> {
    return sleepInEventLoop(this.#words, this.#word(isolate), asleep, timeoutMs);
  }

  /** By the isolate itself: its sleep in the event loop ended for a reason of its own. */
  endSleepInEventLoop(isolate: number): void {
    notify(this.#words, this.#word(isolate));
  }

  #word(isolate: number): number {
    return this.#arena.isolate(isolate) + M_SLEEP;
  }
}
