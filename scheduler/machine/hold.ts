/**
 * An M's hold on the right to run: its P, how it gives that up, waits for another one, and is found meanwhile by those who
 * have one to give. parking/README.md, "No wakeup is lost", has the protocol; the order of sleeping is park.ts's.
 *
 * The P's status word says the same to others. Only the M itself is to change either; but for M_GIVEN, which its handler
 * of SIGURG writes, and `Locks` brings here.
 */
import { load, store } from "../arena/atomics.ts";
import { CLOSING } from "../arena/layout/header.ts";
import { M_SPINNING } from "../arena/layout/m.ts";
import { METER_WAKES } from "../arena/layout/meter.ts";
import { EXEMPT_P, NO_P } from "../parking/idle.ts";
import { Locks } from "../parking/locks.ts";
import type { Parker } from "../parking/parker.ts";
import {
  AWAITS_P,
  givenP,
  givenSpinning,
  isAsked,
  isGiven,
  isLost,
  SEIZED,
  type SleepState,
} from "../parking/sleep_word.ts";
import type { Processors } from "../parking/processor.ts";
import type { Shared } from "../parking/shared.ts";
import type { Shim } from "../../ffi/shim.ts";
import { Meter } from "../tracing/meter.ts";

export class Hold {
  readonly isolate: number;
  readonly locks: Locks;
  readonly meter: Meter;
  /** The P that it holds, NO_P while that is in a blocking call. */
  p = NO_P;
  /** Whether it takes Gs from queues. thread_lock.ts says so. */
  takesWork = true;
  /** One of those that spin, on which submitters rely. */
  isSpinning = false;
  /** In a blocking call: a foreign function may be on the stack. */
  isInCall = false;
  /** The header may say something new: fewer Ps count, or all is closing. */
  isHeaderNew = false;
  /** It has just got its P, perhaps in its turn among those that wait. */
  #isFresh = false;
  /** What it has announced, if it has: a continuation may run between the end of a sleep and `retract`. */
  #asleep: SleepState | undefined = undefined;
  /** Set while it sleeps in the event loop: ends that. */
  #endSleep: (() => void) | undefined = undefined;
  readonly #shared: Shared;
  readonly #words: Int32Array;
  readonly #spinning: number;
  readonly #parker: Parker;
  readonly #ps: Processors;
  readonly #shim: Shim;
  readonly #exit: () => void;

  /** `exit` ends the thread, which was given up for lost and has come back. */
  constructor(shared: Shared, isolate: number, shim: Shim, exit: () => void) {
    const { arena } = shared;
    this.isolate = isolate;
    this.#shared = shared;
    this.locks = new Locks(arena, isolate);
    this.meter = new Meter(arena, isolate, shim);
    this.locks.takeUp = (given) => this.#takeUp(given);
    this.#words = arena.i32;
    this.#spinning = arena.isolate(isolate) + M_SPINNING;
    this.#parker = shared.parker;
    this.#ps = shared.idle.ps;
    this.#shim = shim;
    this.#exit = exit;
  }

  get isAsleep(): boolean {
    return this.#asleep !== undefined;
  }

  // Its P -------------------------------------------------------------------------------------------------------------

  /** It was given the P, or has acquired it. */
  take(p: number): void {
    this.meter.tracer?.takes(p);
    this.#isFresh = true;
    this.locks.beginTurn();
    this.#ps.hold(p, this.isolate);
    this.#has(p);
  }

  #has(p: number): void {
    this.p = p;
    // It was on its way while procs was lowered.
    if (p >= this.#shared.idle.procs) this.isHeaderNew = true;
  }

  /** Whether it holds a P that is not counted any more. */
  get hasSurplusP(): boolean {
    return this.p !== EXEMPT_P && this.p >= this.#shared.idle.procs;
  }

  /** The header may say that the scheduler is traced, or no more. */
  lookForTracing(): void {
    const before = this.meter.tracer;
    const tracer = this.meter.lookForTracing();
    if (before !== undefined && tracer === undefined) before.loses();
    else if (tracer !== before && this.p >>> 0 < EXEMPT_P) tracer?.takes(this.p);
  }

  /** Once after it has got a P: what is due here comes first. */
  isNew(): boolean {
    if (!this.#isFresh) return false;
    this.#isFresh = false;
    return true;
  }

  /** With nothing in its ring, unless it is locked: then it has not looked there. */
  giveUp(): void {
    const { p } = this;
    // From the next line on it may be another one's.
    this.meter.tracer?.loses();
    if (this.takesWork) this.#shared.idle.releaseP(p);
    else this.#shared.wakeups.passOn(p);
    this.#lose();
  }

  /** Another M has something to do that cannot be done elsewhere, and it is its turn: it gets our P, if it still sleeps. */
  handOff(isolate: number): void {
    const { p } = this;
    this.meter.tracer?.loses();
    // From its status on the P is the other's.
    this.#ps.pass(p);
    if (this.#shared.wakeups.handOff(isolate, p)) return this.#lose();
    this.#ps.hold(p, this.isolate);
    this.meter.tracer?.takes(p);
  }

  /** The P's status says so. Partner: Preemption.#ask. Nobody would find an M that was frozen without a P. */
  #lose(): void {
    this.p = NO_P;
    this.awaitSignal();
  }

  /** It comes as soon as this thread makes a system call, and the handler takes the question back. */
  awaitSignal(): void {
    while (isAsked(this.#parker.state(this.isolate))) this.#shim.yieldCpu();
  }

  /** Back under a P: the old one if it is idle, else any idle one, else the next that somebody gives away. */
  comeBack(old: number): void {
    this.#parker.unblock(this.isolate);
    const p = this.#shared.idle.acquireP(old);
    if (p !== NO_P) this.take(p);
    else this.#waitForP();
  }

  /**
   * As an M that parks with work of its own, but its event loop stands still, and only its note brings it a P. Ends without
   * one if all is closing.
   */
  #waitForP(): void {
    for (;;) {
      this.announce(AWAITS_P);
      const isClosing = load(this.#words, CLOSING) === 1;
      const isAnyIdle = this.#shared.idle.idlePs > 0;
      if (!isClosing && !isAnyIdle && this.#shared.wakeups.isQueuedForP(this.isolate)) {
        this.#parker.sleep(this.isolate, AWAITS_P, Infinity);
      }
      if (this.retract(AWAITS_P)) return this.foundWork();
      if (isClosing) return;
      const p = isAnyIdle ? this.#shared.idle.acquireP() : NO_P;
      if (p !== NO_P) return this.take(p);
      this.#shared.wakeups.queueForP(this.isolate);
    }
  }

  /** The thread was frozen, and has another P; or it has lost its P where it could not be frozen. */
  #takeUp(given: number): void {
    // As above.
    this.meter.tracer?.loses();
    if (given !== SEIZED) {
      this.meter.tracer?.takes(givenP(given));
      return this.#has(givenP(given));
    }
    if (this.#parker.keep(this.isolate)) return this.#has(this.#ps.heldBy(this.isolate));
    // Who was asked again waits for that signal, as who parks does. The handler refuses: this is the scheduler.
    while (!this.#parker.endSeizure(this.isolate)) {
      if (isLost(this.#parker.state(this.isolate))) {
        this.#exit();
        break;
      }
      this.awaitSignal();
    }
    this.p = NO_P;
    this.comeBack(0);
  }

  // Blocking calls ----------------------------------------------------------------------------------------------------

  /** The P stays its own, until somebody wants it. */
  enterCall(p: number, word: number): void {
    this.isInCall = true;
    this.p = NO_P;
    this.#ps.enterCall(p, word);
  }

  leaveCall(p: number, word: number): void {
    this.isInCall = false;
    if (this.#ps.leaveCall(p, word)) {
      this.p = p;
    } else {
      // Until sysmon took it, which tells when that was.
      this.meter.tracer?.loses();
      this.comeBack(p);
    }
  }

  /** The P goes on at once. Afterwards: `comeBackFromCall`. */
  passOnForCall(p: number): void {
    this.isInCall = true;
    this.p = NO_P;
    this.meter.tracer?.loses();
    // Partner: Preemption.#ask. A signal would interrupt the call.
    this.#ps.pass(p);
    this.awaitSignal();
    this.#parker.block(this.isolate);
    this.#shared.wakeups.passOn(p);
  }

  comeBackFromCall(old: number): void {
    this.isInCall = false;
    this.comeBack(old);
  }

  /** Exempt, or in a continuation that the event loop runs, see machine/README.md, "Event loops": then nobody is to count on it. */
  enterCallWithout(): void {
    this.isInCall = true;
    if (this.p === EXEMPT_P) return;
    this.#parker.block(this.isolate);
    this.#shared.wakeups.wakeIfWork();
  }

  leaveCallWithout(): void {
    this.isInCall = false;
    if (this.p !== EXEMPT_P) this.#parker.unblock(this.isolate);
  }

  // A thread in the hands of a G --------------------------------------------------------------------------------------

  /** The P that it had is the caller's to pass on. */
  beExempt(): number {
    const { p } = this;
    this.takesWork = false;
    this.p = EXEMPT_P;
    this.meter.tracer?.loses();
    return p;
  }

  endExemption(): void {
    this.p = NO_P;
    this.comeBack(0);
  }

  // Sleeping ----------------------------------------------------------------------------------------------------------

  /** Who was asked for its P waits for the signal before. */
  announce(asleep: SleepState): void {
    while (!this.#parker.announce(this.isolate, asleep)) this.awaitSignal();
    this.#asleep = asleep;
    this.meter.tracer?.sleeps();
  }

  /** AWAKE again. Whether a P was given meanwhile. */
  retract(asleep: SleepState): boolean {
    this.#asleep = undefined;
    this.meter.tracer?.wakes();
    const state = this.#parker.retract(this.isolate, asleep);
    if (!isGiven(state)) return false;
    this.meter.count(METER_WAKES);
    this.take(givenP(state));
    this.#setSpinning(givenSpinning(state));
    return true;
  }

  /** It has announced that. The caller enters again. */
  async sleepInEventLoop(asleep: SleepState, ms: number): Promise<void> {
    const slept = this.#parker.sleepInEventLoop(this.isolate, asleep, ms);
    this.locks.leave();
    await new Promise<void>((resolve) => {
      this.#endSleep = resolve;
      slept.then(() => resolve());
    });
    this.#endSleep = undefined;
  }

  /** Something was added here while it may sleep in the event loop. */
  kick(): void {
    if (this.#endSleep === undefined) return;
    this.#parker.endSleepInEventLoop(this.isolate);
    this.#endSleep();
  }

  /** The sleep is over because the event loop runs a continuation that needs that, not because it was woken. */
  stayAwake(): void {
    if (this.#asleep === undefined) return;
    this.retract(this.#asleep);
    this.kick();
  }

  // Spinning ----------------------------------------------------------------------------------------------------------

  /** False if enough others do. */
  startSpinning(): boolean {
    if (this.isSpinning) return true;
    if (!this.#shared.idle.startSpinning()) return false;
    this.#setSpinning(true);
    return true;
  }

  /** It was about to sleep, and submitters may have counted on it when it spun. */
  spinFurther(): void {
    this.#shared.idle.spinFurther();
    this.#setSpinning(true);
  }

  /** It has something to do: if it was one of those that spin, it is not any more. */
  foundWork(): void {
    if (!this.isSpinning) return;
    this.#setSpinning(false);
    this.#shared.wakeups.foundWork();
  }

  /** It has lost its P meanwhile, and looks at everything before it sleeps. */
  stopSpinning(): void {
    if (!this.isSpinning) return;
    this.#setSpinning(false);
    this.#shared.idle.stopSpinning();
  }

  /** The host reads it, and takes it back from idle.ts's count if the thread dies. */
  #setSpinning(is: boolean): void {
    this.isSpinning = is;
    store(this.#words, this.#spinning, is ? 1 : 0);
  }

  /** Tasks may run from here on. Who is counted as spinning is not frozen: others would rely on it for as long. */
  leave(): void {
    if (!this.isSpinning) this.locks.leave();
  }
}
