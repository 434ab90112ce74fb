/**
 * A G's blocking calls: what becomes of the M's P meanwhile, as in Go's entersyscall and exitsyscall.
 *
 * Lazily: the P stays with the M, marked as in a call. If the call is over before anyone wanted the P, that was all: one
 * store, one look whether sysmon is awake, one CAS. Otherwise sysmon has taken it, and the M needs another one: the old one
 * if it is idle, else any idle one, else with a note in the global queue. The JavaScript stack of the G stands on this
 * thread's stack, so the M waits for it in its futex, where it is.
 *
 * What is private is published before the call, and what `fn` starts goes to the global queue. An M whose event loop runs the G
 * while it sleeps there ends that sleep, so that nobody gives it a P meanwhile. A dedicated M keeps its P and does nothing of
 * this, nor does a call inside of a call.
 */
import type { Stopwatch } from "./stopwatch.ts";
import type { Children } from "./children.ts";
import type { Hold } from "./hold.ts";
import { EXEMPT_P } from "../parking/idle.ts";
import type { Locks } from "../parking/locks.ts";
import type { Parker } from "../parking/parker.ts";
import { AWAKE } from "../parking/sleep_word.ts";
import { callWord } from "../parking/processor.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Shared } from "../parking/shared.ts";
import type { SysmonSleep } from "../parking/sysmon_sleep.ts";

export class BlockingCalls {
  /** Calls of this M so far. */
  #calls = 0;
  readonly #isolate: number;
  readonly #parker: Parker;
  readonly #sysmon: SysmonSleep;
  readonly #hold: Hold;
  readonly #children: Children;
  readonly #locks: Locks;
  readonly #stopwatch: Stopwatch;

  constructor({ parker, sysmonSleep }: Shared, hold: Hold, children: Children, stopwatch: Stopwatch) {
    this.#isolate = hold.isolate;
    this.#parker = parker;
    this.#sysmon = sysmonSleep;
    this.#hold = hold;
    this.#children = children;
    this.#locks = hold.locks;
    this.#stopwatch = stopwatch;
  }

  run<T>(fn: () => T): T {
    reserveStack();
    this.#locks.hold();
    const hold = this.#hold;
    const { p } = hold;
    if (p >>> 0 >= EXEMPT_P || hold.isAsleep) return this.#runSpecial(fn, false);
    this.#stopwatch.spoil();
    this.#children.publishAll();
    const word = callWord(this.#isolate, this.#calls++);
    hold.enterCall(p, word);
    this.#sysmon.wakeUnlessTicking();
    // Partner: Preemption.#ask. A signal would interrupt the call.
    if (this.#parker.state(this.#isolate) !== AWAKE) hold.awaitSignal();
    const begun = hold.meter.beginCall();
    try {
      return fn();
    } finally {
      hold.meter.endCall(begun);
      hold.leaveCall(p, word);
      this.#locks.release();
    }
  }

  /** For a call that is known to block: the P goes on at once (Go's entersyscallblock). */
  runHandingOff<T>(fn: () => T): T {
    reserveStack();
    this.#locks.hold();
    const hold = this.#hold;
    const { p } = hold;
    if (p >>> 0 >= EXEMPT_P || hold.isAsleep) return this.#runSpecial(fn, true);
    this.#stopwatch.spoil();
    this.#children.publishAll();
    hold.passOnForCall(p);
    const begun = hold.meter.beginCall();
    try {
      return fn();
    } finally {
      hold.meter.endCall(begun);
      hold.comeBackFromCall(p);
      this.#locks.release();
    }
  }

  /** In another call, on a dedicated thread, or in a continuation that the event loop runs. */
  #runSpecial<T>(fn: () => T, handsOff: boolean): T {
    try {
      if (this.#hold.isAsleep) {
        this.#hold.stayAwake();
        return handsOff ? this.runHandingOff(fn) : this.run(fn);
      }
      return this.#hold.isInCall ? fn() : this.#runWithout(fn);
    } finally {
      this.#locks.release();
    }
  }

  #runWithout<T>(fn: () => T): T {
    this.#hold.enterCallWithout();
    const begun = this.#hold.meter.beginCall();
    try {
      return fn();
    } finally {
      this.#hold.meter.endCall(begun);
      this.#hold.leaveCallWithout();
    }
  }
}
