/**
 * The sleep word of an isolate: who may wake it, how, and with which P.
 *
 *   AWAKE             runs, or looks for work. Nobody but itself leaves this state.
 *   PARKED_*          an M without a P (or the host) that sleeps, or is about to. Anyone may take it out, by CAS.
 *   LOCKED_*          an M that is locked (thread_lock.ts), without a P. As PARKED_*, but nobody gives it a P for what is in
 *                     queues.
 *   SPARE_FUTEX       a thread that was started ahead of need. Who has claimed it (roles.ts) takes it out of this
 *                     state, with a P or without; so does mail.
 *   KEEPS_P_*         an M that sleeps and keeps its P: a dedicated one its own, another one while a task's module or
 *                     arguments are on their way. Anyone may make it AWAKE.
 *   BLOCKED           it runs code without a P: it is in a blocking call that it passed its P on for, or its event loop runs
 *                     a continuation. As good as AWAKE for wakers. Left by itself.
 *   MARKED            the same, so marked by sysmon, which takes the P of its call. Left by itself, and by sysmon if the call
 *                     was over before.
 *   AWAITS_P          it came back from a blocking call and sleeps, in a futex, until its note (see queues/README.md) is served. It
 *                     goes on with its G then, so it is none of those that take work from queues.
 *   ASKED and others  see preemption.ts. Those that were asked are awake, SEIZED is as BLOCKED, SHELVED as AWAITS_P, and
 *                     LOST and ABANDONED are the end.
 *   given(p)          it was given a P, and the giver is waking it. Left by itself. If it does not come, since its event
 *                     loop runs a long continuation, sysmon takes the P back and leaves it BLOCKED.
 *
 * _FUTEX and _EVENT_LOOP say how it sleeps, so how to wake it. The order that prevents lost wakeups: a sleeper stores
 * its state, then looks at everything that should keep it awake, then sleeps on the value stored. A waker publishes its
 * reason, then reads the state. See parking/README.md, "No wakeup is lost".
 */
import { cas, exchange, type Futex, load, notify, sleepInEventLoop, store } from "../arena/atomics.ts";
import { type Arena, M_SLEEP } from "../arena/memory_layout.ts";

export const AWAKE = 0;
export const PARKED_FUTEX = 2;
export const PARKED_EVENT_LOOP = 3;
export const KEEPS_P_FUTEX = 4;
export const KEEPS_P_EVENT_LOOP = 5;
export const SPARE_FUTEX = 6;
export const BLOCKED = 8;
export const AWAITS_P = 10;
export const LOCKED_FUTEX = 12;
export const LOCKED_EVENT_LOOP = 13;
export const MARKED = 14;
// The handler of SIGURG knows these: native/shim.h.
export const ASKED = 16;
export const ASKED_TO_LET_GO = 18;
export const ASKED_SEIZED = 20;
export const ASKED_LOST = 22;
export const LETS_GO = 24;
export const SEIZED = 26;
export const LOST = 28;
export const FROZEN = 30;
export const SHELVED = 32;
export const ABANDONED = 34;
export type SleepState =
  | typeof PARKED_FUTEX
  | typeof PARKED_EVENT_LOOP
  | typeof KEEPS_P_FUTEX
  | typeof KEEPS_P_EVENT_LOOP
  | typeof SPARE_FUTEX
  | typeof AWAITS_P
  | typeof LOCKED_FUTEX
  | typeof LOCKED_EVENT_LOOP;

/** In every state of a sleeper: it sleeps in its event loop. */
const IN_EVENT_LOOP = 1;
const GIVEN = 64;

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

/** It was asked for its P, and has not answered. */
export function isAsked(state: number): boolean {
  return state >= ASKED && state <= ASKED_LOST;
}

/** It was given up. */
export function isLost(state: number): boolean {
  return state === ASKED_LOST || state === LOST || state === ABANDONED;
}

/** Whether it will look at everything before it sleeps, so that nobody has to wake it. */
export function looksBeforeItSleeps(state: number): boolean {
  // One that is frozen goes on in the middle of a task's code. It has a note for that.
  return state === AWAKE || state === BLOCKED || state === MARKED || state >= ASKED;
}

export function isParkedWithoutP(state: number): boolean {
  const kind = state & ~IN_EVENT_LOOP;
  return kind === PARKED_FUTEX || kind === LOCKED_FUTEX || kind === AWAITS_P || kind === SHELVED;
}

/** Milliseconds: who sleeps for longer sleeps for ever. 285 years. */
const LONGEST = 2 ** 53 / 1000;

export class Parker {
  readonly futex: Futex;
  readonly #arena: Arena;
  readonly #words: Int32Array;

  constructor(arena: Arena, futex: Futex) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.futex = futex;
  }

  state(isolate: number): number {
    return load(this.#words, this.#word(isolate));
  }

  /** By a waker. False when the isolate left `asleep` meanwhile. */
  unpark(isolate: number, asleep: number, next: number): boolean {
    const word = this.#word(isolate);
    if (!cas(this.#words, word, asleep, next)) return false;
    if ((asleep & IN_EVENT_LOOP) !== 0) notify(this.#words, word);
    else this.futex.wake(word);
    return true;
  }

  /**
   * By sysmon, which is about to take the P of a call: so at no time a thread without a P looks as if it could use one.
   * Whether it was to be marked.
   */
  mark(isolate: number): boolean {
    return cas(this.#words, this.#word(isolate), AWAKE, MARKED);
  }

  /** The call was over before. */
  unmark(isolate: number): void {
    cas(this.#words, this.#word(isolate), MARKED, AWAKE);
  }

  /** By sysmon: takes back the P that an M was given and did not take. */
  revoke(isolate: number, p: number): boolean {
    return cas(this.#words, this.#word(isolate), given(p, false), BLOCKED);
  }

  /** By sysmon: a question, or what it was before. The answer is the handler's. */
  ask(isolate: number, from: number, to: number): boolean {
    return cas(this.#words, this.#word(isolate), from, to);
  }

  /** By sysmon, which has its P: others may give it one from here on. */
  shelve(isolate: number): boolean {
    return cas(this.#words, this.#word(isolate), FROZEN, SHELVED);
  }

  /** By sysmon or the host: for good. */
  abandon(isolate: number): boolean {
    const word = this.#word(isolate);
    return cas(this.#words, word, FROZEN, ABANDONED) || cas(this.#words, word, SHELVED, ABANDONED) ||
      cas(this.#words, word, SEIZED, LOST);
  }

  /** By sysmon, which takes its P next. False: it is back, and keeps that. Partner: keep(). */
  seize(isolate: number): boolean {
    return cas(this.#words, this.#word(isolate), LETS_GO, SEIZED);
  }

  /** By the M, which is back. False: its P is lost, or will be in a moment. Partner: seize(). */
  keep(isolate: number): boolean {
    return cas(this.#words, this.#word(isolate), LETS_GO, AWAKE);
  }

  /**
   * By the M. False if it is not SEIZED any more: it was asked to freeze, or has been lost. One that was frozen as all is
   * closing is AWAKE already.
   */
  endSeizure(isolate: number): boolean {
    return cas(this.#words, this.#word(isolate), SEIZED, AWAKE) || this.state(isolate) === AWAKE;
  }

  /** By the M: it has no P, and is about to run code that may block. */
  block(isolate: number): void {
    store(this.#words, this.#word(isolate), BLOCKED);
  }

  /** By the M: that code has ended. */
  unblock(isolate: number): void {
    store(this.#words, this.#word(isolate), AWAKE);
  }

  /**
   * By the sleeper: from here on it can be woken, and must look once more at its reasons to stay awake. False if it was asked
   * for its P: the signal comes first. It would interrupt a later task's blocking call.
   */
  announce(isolate: number, asleep: SleepState): boolean {
    const word = this.#word(isolate);
    if (cas(this.#words, word, AWAKE, asleep)) return true;
    const state = this.state(isolate);
    return !isAsked(state) && cas(this.#words, word, state, asleep);
  }

  /** By the sleeper: AWAKE again. Returns the state it was in: it may have been given a P. */
  retract(isolate: number, asleep: SleepState): number {
    const word = this.#word(isolate);
    if (cas(this.#words, word, asleep, AWAKE)) return AWAKE;
    return exchange(this.#words, word, AWAKE);
  }

  /** By sysmon, when all is closing: one that is frozen runs on as if it had been SEIZED, and finds that out. */
  thaw(isolate: number): void {
    if (!this.unpark(isolate, SHELVED, SEIZED)) this.unpark(isolate, FROZEN, SEIZED);
  }

  /** By the host, of an isolate that has ended, or never will. Returns the last state. */
  bury(isolate: number): number {
    for (;;) {
      const state = this.state(isolate);
      // It sleeps in its handler, and is not to wake, or runs on; or all is closing, and sysmon wakes it.
      if (isLost(state) || state === FROZEN || state === SHELVED) return state;
      if (cas(this.#words, this.#word(isolate), state, AWAKE)) return state;
    }
  }

  /** By the host, before another thread gets the number. */
  revive(isolate: number): void {
    store(this.#words, this.#word(isolate), AWAKE);
  }

  /** By the host after a death: somebody may have changed the word, and not come to the wake. */
  rouse(isolate: number): void {
    notify(this.#words, this.#word(isolate));
    this.futex.wake(this.#word(isolate));
  }

  /** Whether it ended because the time was over. */
  sleep(isolate: number, asleep: SleepState, timeoutMs: number): boolean {
    // A timeout of 0.2 us would be cut to 0 and spin; and one that is no integer of 64 bits would be anything.
    const timeoutUs = timeoutMs > LONGEST ? -1 : Math.ceil(timeoutMs * 1000);
    return this.futex.sleep(this.#word(isolate), asleep, timeoutUs);
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
