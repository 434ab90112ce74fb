/**
 * A G's blocking calls: what becomes of the M's P meanwhile, as in Go's entersyscall and exitsyscall.
 *
 * Lazily: the P stays with the M, marked as in a call. If the call is over before anyone wanted the P, that was all: one
 * store, one look whether sysmon is awake, one CAS. Otherwise sysmon has taken it, and the M needs another one. The
 * JavaScript stack of the G stands on this thread's stack, so the M waits for it in its futex, where it is.
 */
import type { Shim } from "../../ffi/shim.ts";
import type { Shared } from "../parking/shared.ts";
import type { Children } from "./children.ts";
import { load } from "../arena/atomics.ts";
import { EXEMPT_P, type Idle, NO_P } from "../parking/idle.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import type { Locks } from "../parking/locks.ts";
import type { Machine } from "./machine.ts";
import { type Arena, CLOSING } from "../arena/memory_layout.ts";
import type { Parker } from "../parking/parker.ts";
import { AWAITS_P, AWAKE, isAsked } from "../parking/sleep_word.ts";
import type { PrivateQueue } from "./private_queue.ts";
import { callWord, type Processors } from "../parking/processor.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { SysmonSleep } from "../parking/sysmon_sleep.ts";

export class BlockingCalls {
  /** Calls of this M so far. */
  #calls = 0;
  isInCall = false;
  readonly #machine: Machine;
  readonly #isolate: number;
  readonly #words: Int32Array;
  readonly #parker: Parker;
  readonly #idle: Idle;
  readonly #wakeups: Wakeups;
  readonly #ps: Processors;
  readonly #sysmon: SysmonSleep;
  readonly #children: Children;
  readonly #waiting: PrivateQueue;
  readonly #locks: Locks;
  readonly #shim: Shim;

  constructor(
    machine: Machine,
    isolate: number,
    arena: Arena,
    parker: Parker,
    shared: Shared,
    children: Children,
    shim: Shim,
  ) {
    this.#machine = machine;
    this.#isolate = isolate;
    this.#words = arena.i32;
    this.#parker = parker;
    this.#idle = shared.idle;
    this.#wakeups = shared.wakeups;
    this.#ps = shared.idle.ps;
    this.#sysmon = shared.sysmonSleep;
    this.#children = children;
    this.#waiting = children.waiting;
    this.#locks = machine.home.locks;
    this.#shim = shim;
  }

  run<T>(fn: () => T): T {
    reserveStack();
    this.#locks.hold();
    const machine = this.#machine;
    const { p } = machine;
    if (p >>> 0 >= EXEMPT_P || machine.isAsleep) return this.#runSpecial(fn, false);
    machine.runner.stopwatch.spoil();
    if (this.#waiting.length !== 0) this.#children.publishAll();
    const word = callWord(this.#isolate, this.#calls++);
    this.isInCall = true;
    machine.p = NO_P;
    this.#ps.enterCall(p, word);
    this.#sysmon.wakeUnlessTicking();
    // Partner: Preemption.#ask. A signal would interrupt the call.
    if (this.#parker.state(this.#isolate) !== AWAKE) this.awaitSignal();
    try {
      return fn();
    } finally {
      this.isInCall = false;
      if (this.#ps.leaveCall(p, word)) machine.p = p;
      else this.comeBack(p);
      this.#locks.release();
    }
  }

  /** It comes as soon as this thread makes a system call, and the handler takes the question back. */
  awaitSignal(): void {
    while (isAsked(this.#parker.state(this.#isolate))) this.#shim.yieldCpu();
  }

  /** For a call that is known to block: the P goes on at once (Go's entersyscallblock). */
  runHandingOff<T>(fn: () => T): T {
    reserveStack();
    this.#locks.hold();
    const { p } = this.#machine;
    if (p >>> 0 >= EXEMPT_P || this.#machine.isAsleep) return this.#runSpecial(fn, true);
    this.#machine.runner.stopwatch.spoil();
    this.#children.publishAll();
    this.isInCall = true;
    this.#machine.p = NO_P;
    // Partner: Preemption.#ask, as above.
    this.#ps.pass(p);
    this.awaitSignal();
    this.#parker.block(this.#isolate);
    this.#wakeups.passOn(p);
    try {
      return fn();
    } finally {
      this.isInCall = false;
      this.comeBack(p);
      this.#locks.release();
    }
  }

  /** In another call, on a dedicated thread, or in a continuation that the event loop runs. */
  #runSpecial<T>(fn: () => T, handsOff: boolean): T {
    try {
      if (this.#machine.isAsleep) {
        this.#machine.stayAwake();
        return handsOff ? this.runHandingOff(fn) : this.run(fn);
      }
      if (this.isInCall) return fn();
      return this.#machine.p === EXEMPT_P ? this.#runExempt(fn) : this.#runWithoutP(fn);
    } finally {
      this.#locks.release();
    }
  }

  #runExempt<T>(fn: () => T): T {
    this.isInCall = true;
    try {
      return fn();
    } finally {
      this.isInCall = false;
    }
  }

  /** A continuation that the event loop runs, see machine/README.md, "Event loops". Nobody is to count on this M meanwhile. */
  #runWithoutP<T>(fn: () => T): T {
    this.isInCall = true;
    this.#parker.block(this.#isolate);
    this.#wakeups.wakeIfWork();
    try {
      return fn();
    } finally {
      this.isInCall = false;
      this.#parker.unblock(this.#isolate);
    }
  }

  /** Back under a P: the old one if it is idle, else any idle one, else the next that somebody gives away. */
  comeBack(old: number): void {
    this.#parker.unblock(this.#isolate);
    const p = this.#idle.acquireP(old);
    if (p !== NO_P) this.#machine.holdP(p);
    else this.#waitForP();
  }

  /**
   * As an M that parks with work of its own, but its event loop stands still, and only its note brings it a P. Ends without
   * one if all is closing.
   */
  #waitForP(): void {
    for (;;) {
      while (!this.#parker.announce(this.#isolate, AWAITS_P)) this.awaitSignal();
      const isClosing = load(this.#words, CLOSING) === 1;
      const isAnyIdle = this.#idle.idlePs > 0;
      if (!isClosing && !isAnyIdle && this.#wakeups.isQueuedForP(this.#isolate)) {
        this.#parker.sleep(this.#isolate, AWAITS_P, Infinity);
      }
      if (this.#machine.retract(AWAITS_P)) return this.#machine.search.end();
      if (isClosing) return;
      const p = isAnyIdle ? this.#idle.acquireP() : NO_P;
      if (p !== NO_P) return this.#machine.holdP(p);
      this.#wakeups.queueForP(this.#isolate);
    }
  }
}
