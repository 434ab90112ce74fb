/** The sleep words of all isolates, and who takes one from which state to which: sleep_word.ts has the states. */
import { cas, exchange, type Futex, load, notify, sleepInEventLoop, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { M_SLEEP } from "../arena/layout/m.ts";
import {
  ABANDONED,
  AWAKE,
  BLOCKED,
  FROZEN,
  given,
  isAsked,
  isFrozen,
  isLost,
  LETS_GO,
  LOST,
  MARKED,
  SEIZED,
  SHELVED,
  sleepsInEventLoop,
  type SleepState,
} from "./sleep_word.ts";

/** Milliseconds: who sleeps for longer sleeps for ever. 285 years. */
const FOR_EVER = 2 ** 53 / 1000;

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
    if (sleepsInEventLoop(asleep)) notify(this.#words, word);
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
      if (isLost(state) || isFrozen(state)) return state;
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
    const timeoutUs = timeoutMs > FOR_EVER ? -1 : Math.ceil(timeoutMs * 1000);
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
