/**
 * native/native_m.c, as far as it shares words with others, line by line: whoever changes that file changes this one. The
 * calls themselves, the statuses and what starts a thread are left out: a thread of the scenario stands for all that one
 * queue starts, one after the other.
 */
import { add, cas, exchange, type Futex, load, pause, store } from "../../../scheduler/arena/atomics.ts";
import type { Arena } from "../../../scheduler/arena/arena.ts";
import { DEADLOCK_REPORT, SYSMON } from "../../../scheduler/arena/layout/header.ts";
import {
  CALL_NEXT,
  CALL_WORDS,
  NATIVE_CALLS,
  NATIVE_HOST_ASLEEP,
  NATIVE_HOST_CALLED,
  NATIVE_HOST_DONE,
  NATIVE_HOST_THREADS,
  QUEUE_CELLS,
  QUEUE_HEAD,
  QUEUE_LIMIT,
  QUEUE_MAX_THREADS,
  QUEUE_PERMITS,
  QUEUE_STATE,
  QUEUE_TAIL,
  QUEUE_THREADS,
} from "../../../scheduler/arena/layout/native.ts";

// native/shim.h
const SPINNING = 1;
const ONE_ACTIVE = 1 << 1;
const ONE_SLEEPING = 1 << 16;
const CLOSED = 1 << 30;

/** A word that nobody else uses: threads that were started and have not begun. */
const STARTED = DEADLOCK_REPORT;

export class NativeM {
  readonly words: Int32Array;
  readonly #arena: Arena;
  readonly #futex: Futex;
  readonly #at: number;
  readonly #host: number;
  readonly #idleUs: number;
  readonly #run: (call: number) => void;

  constructor(arena: Arena, futex: Futex, idleUs: number, run: (call: number) => void) {
    this.words = arena.i32;
    this.#arena = arena;
    this.#futex = futex;
    this.#at = arena.nativeQueue;
    this.#host = arena.nativeHost;
    this.#idleUs = idleUs;
    this.#run = run;
  }

  #isEmpty(): boolean {
    return load(this.words, this.#at + QUEUE_HEAD) === load(this.words, this.#at + QUEUE_TAIL);
  }

  #isClosed(): boolean {
    return (load(this.words, this.#at + QUEUE_PERMITS) & CLOSED) !== 0;
  }

  #take(): number {
    for (;;) {
      const head = load(this.words, this.#at + QUEUE_HEAD);
      if (head === load(this.words, this.#at + QUEUE_TAIL)) return -1;
      const number = this.words[this.#at + QUEUE_CELLS + (head & (NATIVE_CALLS - 1))];
      if (cas(this.words, this.#at + QUEUE_HEAD, head, (head + 1) | 0)) return number;
    }
  }

  #kickSysmon(now: boolean): void {
    if (load(this.words, SYSMON) !== 0) {
      store(this.words, SYSMON, 0);
      now = true;
    }
    if (now) this.#futex.wake(SYSMON);
  }

  #giveBack(number: number): void {
    for (;;) {
      const before = load(this.words, this.#host + NATIVE_HOST_DONE);
      this.words[this.#arena.nativeCalls + number * CALL_WORDS + CALL_NEXT] = before;
      if (cas(this.words, this.#host + NATIVE_HOST_DONE, before, number + 1)) break;
    }
    const asleep = this.#host + NATIVE_HOST_ASLEEP;
    if (load(this.words, asleep) === 1 && exchange(this.words, asleep, 0) === 1) {
      store(this.words, this.#host + NATIVE_HOST_CALLED, 1);
      this.#kickSysmon(true);
    }
  }

  #releaseThread(): void {
    add(this.words, this.#at + QUEUE_THREADS, -1);
    add(this.words, this.#host + NATIVE_HOST_THREADS, -1);
  }

  #reserveThread(): boolean {
    for (;;) {
      const threads = load(this.words, this.#at + QUEUE_THREADS);
      if (threads >= this.words[this.#at + QUEUE_MAX_THREADS]) return false;
      if (cas(this.words, this.#at + QUEUE_THREADS, threads, threads + 1)) break;
    }
    add(this.words, this.#host + NATIVE_HOST_THREADS, 1);
    if (!this.#isClosed()) return true;
    this.#releaseThread();
    return false;
  }

  /** heddle_native_wake */
  wake(): number {
    const word = this.#at + QUEUE_STATE;
    for (;;) {
      const state = load(this.words, word);
      if ((state & SPINNING) !== 0) return 0;
      const limit = this.words[this.#at + QUEUE_LIMIT];
      if (((state >> 1) & 0x7fff) >= limit) {
        if (limit < this.words[this.#at + QUEUE_MAX_THREADS]) this.#kickSysmon(false);
        return 0;
      }
      const sleeping = state >>> 0 >= ONE_SLEEPING;
      if (!sleeping && !this.#reserveThread()) return 0;
      const next = state + ONE_ACTIVE + SPINNING - (sleeping ? ONE_SLEEPING : 0);
      if (cas(this.words, word, state, next)) {
        if (!sleeping) break;
        add(this.words, this.#at + QUEUE_PERMITS, 1);
        this.#futex.wake(this.#at + QUEUE_PERMITS);
        return 0;
      }
      if (!sleeping) this.#releaseThread();
    }
    add(this.words, STARTED, 1);
    this.#futex.wake(STARTED);
    return 0;
  }

  #beginToSpin(): boolean {
    const word = this.#at + QUEUE_STATE;
    for (;;) {
      const state = load(this.words, word);
      const isMore = ((state >> 1) & 0x7fff) > this.words[this.#at + QUEUE_LIMIT];
      if ((state & SPINNING) !== 0 || isMore) return false;
      if (cas(this.words, word, state, state | SPINNING)) return true;
    }
  }

  /** Its end by time comes at once. */
  #spin(): boolean {
    return !this.#isEmpty() || this.#isClosed();
  }

  #stopSpinning(): void {
    // In C it clears the bit, which is set.
    add(this.words, this.#at + QUEUE_STATE, -SPINNING);
    if (!this.#isEmpty()) this.wake();
  }

  #sleepUntilWanted(spinning: boolean): boolean {
    const permits = this.#at + QUEUE_PERMITS;
    add(this.words, this.#at + QUEUE_STATE, ONE_SLEEPING - ONE_ACTIVE - (spinning ? SPINNING : 0));
    if (!this.#isEmpty()) this.wake();
    for (;;) {
      const left = load(this.words, permits);
      if ((left & CLOSED) !== 0) return false;
      if (left > 0) {
        if (cas(this.words, permits, left, left - 1)) return true;
        continue;
      }
      if (!this.#futex.sleep(permits, 0, this.#idleUs)) continue;
      for (;;) {
        const state = load(this.words, this.#at + QUEUE_STATE);
        if (state >>> 0 < ONE_SLEEPING) break;
        if (cas(this.words, this.#at + QUEUE_STATE, state, state - ONE_SLEEPING)) return false;
      }
    }
  }

  /** heddle_native_m */
  #loop(): void {
    let spinning = true;
    while (!this.#isClosed()) {
      const number = this.#take();
      if (number < 0) {
        if (!spinning) spinning = this.#beginToSpin();
        if (spinning && this.#spin()) continue;
        if (!this.#sleepUntilWanted(spinning)) break;
        spinning = true;
        continue;
      }
      if (spinning) this.#stopSpinning();
      spinning = false;
      this.#run(number);
      if (this.#isEmpty()) spinning = this.#beginToSpin();
      this.#giveBack(number);
    }
    add(this.words, this.#at + QUEUE_THREADS, -1);
    if (!this.#isEmpty()) this.wake();
    add(this.words, this.#host + NATIVE_HOST_THREADS, -1);
  }

  /** All threads of the queue that run one after the other. */
  threads(): void {
    for (;;) {
      const started = load(this.words, STARTED);
      if (started === 0) this.#futex.sleep(STARTED, 0, -1);
      else if (cas(this.words, STARTED, started, started - 1)) this.#loop();
      else pause();
    }
  }
}
