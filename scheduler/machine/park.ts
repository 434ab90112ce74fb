/**
 * How an M sleeps, as in Go's stopm: one turn of the event loop, while there is a P for what is due in it; it releases the P,
 * and counts as spinning no more. Then, until it gets a P again: another turn, unless nothing has happened since the last one;
 * it announces that it sleeps, looks at everything once more, sleeps, and retracts. parking/README.md, "No wakeup is lost".
 *
 * What an announcement lets others do, and what the M looks at after it, differs by what the M is: one of the pool,
 * locked, one that keeps its P, or a spare.
 */
import { add, load, store } from "../arena/atomics.ts";
import { CLOSING, OVERSLEPT } from "../arena/layout/header.ts";
import { M_ASKED, M_STUCK } from "../arena/layout/m.ts";
import { EXEMPT_P, NO_P } from "../parking/idle.ts";
import type { Locks } from "../parking/locks.ts";
import {
  KEEPS_P_EVENT_LOOP,
  KEEPS_P_FUTEX,
  LOCKED_EVENT_LOOP,
  LOCKED_FUTEX,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
  type SleepState,
  SPARE_FUTEX,
} from "../parking/sleep_word.ts";
import { DEDICATED, POOL, SPARE } from "../parking/roles.ts";
import type { Shared } from "../parking/shared.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Agenda } from "./agenda.ts";
import type { EventLoop } from "./event_loop.ts";
import type { Hold } from "./hold.ts";
import type { MailReader } from "./mail_reader.ts";
import type { Runner } from "./runner.ts";
import { BREAK_DEADLOCK, breakDeadlock, REPORT_WAITS, reportWaits } from "./stuck.ts";
import { IMPORTING, type WarmUp } from "./warm_up.ts";

/** Milliseconds that a thread more than the pool needs sleeps before it ends. Guess; a thread takes 14 MB. */
const RETIRE = 5_000;

/** What a look after the announcement comes to, if it is not for how many milliseconds to sleep: */
/** the M is awake again, and goes on; */
const STAYS_AWAKE = -1;
/** it announces once more. */
const LOOKS_AGAIN = -2;

export class Park {
  /** As far as it knew before its last sleep in the event loop, nothing here could end that. */
  #isStuck = false;
  /** When it first slept as one more than the pool needs, since it had a P. The death of another one rouses it, and is no need. */
  #coldSince = 0;
  readonly #shared: Shared;
  readonly #words: Int32Array;
  readonly #record: number;
  readonly #isolate: number;
  readonly #locks: Locks;
  readonly #hold: Hold;
  readonly #agenda: Agenda;
  readonly #home: Isolate;
  readonly #eventLoop: EventLoop;
  readonly #mail: MailReader;
  readonly #runner: Runner;
  readonly #warmUp: WarmUp;

  constructor(
    agenda: Agenda,
    home: Isolate,
    eventLoop: EventLoop,
    mail: MailReader,
    runner: Runner,
    warmUp: WarmUp,
  ) {
    const { hold, shared } = agenda;
    this.#shared = shared;
    this.#words = shared.words;
    this.#record = shared.arena.isolate(hold.isolate);
    this.#isolate = hold.isolate;
    this.#locks = hold.locks;
    this.#hold = hold;
    this.#agenda = agenda;
    this.#home = home;
    this.#eventLoop = eventLoop;
    this.#mail = mail;
    this.#runner = runner;
    this.#warmUp = warmUp;
  }

  /** Until it has a P, or is to look around with the one that it keeps. The caller enters again. */
  async park(): Promise<void> {
    const hold = this.#hold;
    this.#coldSince = 0;
    try {
      // At the start of a macrotask, and nothing in here has made a continuation due since: see event_loop.ts.
      let isQuiet = false;
      if (hold.p !== NO_P) {
        // What is due in the event loop gets its turn while there is still a P for it. Nobody is to rely on this M meanwhile.
        hold.foundWork();
        await this.#eventLoop.turn();
        this.#locks.enter();
        if (this.#agenda.hasWorkHere()) return;
        isQuiet = true;
      }
      const kept = this.#keepsP ? hold.p : NO_P;
      if (hold.p !== kept) hold.giveUp();
      hold.stopSpinning();
      this.#agenda.parks++;
      this.#agenda.tellCounts();
      while (!this.#agenda.isOver) {
        if (!isQuiet) {
          const isGivenP = await this.#turnAsleep();
          this.#locks.enter();
          if (isGivenP) return;
          isQuiet = true;
          // Its last G may have ended there, or the one that the thread ends with. Partner: the host's look for deadlocks.
          this.#agenda.tellCounts();
          if (this.#agenda.isOver) return;
        }
        // A continuation may have dedicated the thread, or given it back; or what it expected is here, or too late.
        if (hold.p !== (this.#keepsP ? kept : NO_P)) return;
        // Without live Gs nothing goes on because of a mail, so it is read without a P. It may dedicate this thread.
        if (this.#agenda.live === 0 && this.#mail.read()) {
          isQuiet = false;
          continue;
        }
        const rest = this.#agenda.live === 0 && hold.p === NO_P ? this.#warmUp.rest() : Infinity;
        const standstill = rest === IMPORTING ? 0 : this.#eventLoop.standstill;
        const asleep = this.#sleepState(standstill > 0);
        hold.announce(asleep);
        const ms = this.#look(asleep);
        if (ms === STAYS_AWAKE) return;
        if (ms === LOOKS_AGAIN) continue;
        if (standstill === 0) {
          await this.#sleepInEventLoop(asleep, ms);
          this.#locks.enter();
          this.#wasInEventLoop();
          isQuiet = false;
          if (hold.retract(asleep)) return;
        } else {
          const hasTimedOut = this.#sleepInFutex(asleep, Math.min(ms, rest), standstill);
          if (hold.retract(asleep)) return;
          if (hasTimedOut) {
            await this.#afterTimeout();
            this.#locks.enter();
          }
        }
      }
    } finally {
      hold.leave();
    }
  }

  /** An exempt P is nobody else's; nor is any, as long as it expects something: it has work, or so it seems. */
  get #keepsP(): boolean {
    const { p } = this.#hold;
    return p === EXEMPT_P || (p !== NO_P && this.#agenda.isExpecting);
  }

  /** By what it holds, not by what it may keep: that ends with time, and one that slept with a P as if it had none would lose it. */
  #sleepState(standsStill: boolean): SleepState {
    if (this.#hold.p !== NO_P) return standsStill ? KEEPS_P_FUTEX : KEEPS_P_EVENT_LOOP;
    if (!this.#hold.takesWork) return standsStill ? LOCKED_FUTEX : LOCKED_EVENT_LOOP;
    if (!standsStill) return PARKED_EVENT_LOOP;
    if (this.#agenda.live !== 0) return PARKED_FUTEX;
    return this.#isSpare ? SPARE_FUTEX : PARKED_FUTEX;
  }

  /** Or meant for one task alone, which its mail will tell. */
  get #isSpare(): boolean {
    const role = this.#shared.roles.of(this.#isolate);
    return role === SPARE || role === DEDICATED;
  }

  // After the announcement ----------------------------------------------------------------------------------------------

  /** At everything that is to keep it awake. For how many milliseconds it may sleep; or it does not. */
  #look(asleep: SleepState): number {
    if (load(this.#words, CLOSING) === 1) {
      this.#agenda.close();
      return STAYS_AWAKE;
    }
    if (this.#agenda.live === 0 && !this.#shared.mailbox.isEmpty(this.#isolate)) {
      return this.#lookAgain(asleep);
    }
    if (asleep === SPARE_FUTEX) return this.#lookAsSpare(asleep);
    if (asleep === KEEPS_P_FUTEX || asleep === KEEPS_P_EVENT_LOOP) return this.#lookAsKeeper(asleep);
    if (asleep === LOCKED_FUTEX || asleep === LOCKED_EVENT_LOOP) return this.#lookAsLocked(asleep);
    return this.#lookAsOneOfThePool(asleep);
  }

  #lookAgain(asleep: SleepState): number {
    return this.#hold.retract(asleep) ? STAYS_AWAKE : LOOKS_AGAIN;
  }

  /** Partner: the claim, after which the claimer wakes whoever sleeps as a spare. */
  #lookAsSpare(asleep: SleepState): number {
    return this.#isSpare ? Infinity : this.#lookAgain(asleep);
  }

  /** Of what it expects it waits for no longer than that. One look at the clock: the next may say something else. */
  #lookAsKeeper(asleep: SleepState): number {
    const agenda = this.#agenda;
    const now = performance.now();
    const latest = this.#hold.p === EXEMPT_P ? Infinity : agenda.arrival;
    if (!agenda.hasOwnWork() && now < latest) return Math.max(0, Math.min(agenda.next, latest) - now);
    this.#hold.retract(asleep);
    return STAYS_AWAKE;
  }

  /** Nobody gives it a P but for work of its own. */
  #lookAsLocked(asleep: SleepState): number {
    if (!this.#agenda.hasOwnWork()) return this.#untilDue;
    const isAnyIdle = this.#shared.idle.idlePs > 0;
    // With work of its own and no P, it waits for a P and nothing else.
    if (!isAnyIdle && this.#shared.wakeups.isQueuedForP(this.#isolate)) return Infinity;
    const is = this.#takeIdleP(asleep);
    if (is === LOOKS_AGAIN) this.#shared.wakeups.queueForP(this.#isolate);
    return is;
  }

  #lookAsOneOfThePool(asleep: SleepState): number {
    if (this.#agenda.hasOwnWork()) return this.#lookAsLocked(asleep);
    const seesWork = this.#shared.idle.idlePs > 0 && this.#shared.wakeups.workVisible();
    return seesWork ? this.#takeIdleP(asleep) : this.#untilDue;
  }

  /** As in Go: it goes on as one that spins, and wakes the next if there is more than it takes. */
  #takeIdleP(asleep: SleepState): number {
    const hold = this.#hold;
    if (hold.retract(asleep)) return STAYS_AWAKE;
    const p = this.#shared.idle.acquireP();
    if (p === NO_P) return LOOKS_AGAIN;
    hold.take(p);
    if (!hold.takesWork) return STAYS_AWAKE;
    // A continuation may run before the loop goes on: submitters are not to count on this M.
    if (this.#agenda.live !== 0) this.#shared.wakeups.wakeIfWork();
    else hold.spinFurther();
    return STAYS_AWAKE;
  }

  get #untilDue(): number {
    return Math.max(0, this.#agenda.next - performance.now());
  }

  // Sleeping ----------------------------------------------------------------------------------------------------------

  /** Whether it ended because its time was over. */
  #sleepInFutex(asleep: SleepState, ms: number, standstill: number): boolean {
    // Those that have no P just now are back sooner or later. The lowest is the first to be woken, so the coldest is the first to end.
    const isSurplus = asleep === PARKED_FUTEX && this.#agenda.live === 0 &&
      this.#shared.roles.count(POOL) > this.#shared.idle.procs;
    if (isSurplus) this.#coldSince ||= performance.now();
    const most = isSurplus ? Math.max(0, this.#coldSince + RETIRE - performance.now()) : standstill;
    return this.#shared.parker.sleep(this.#isolate, asleep, Math.min(ms, most)) && most < ms;
  }

  /** Without live Gs the pool had more threads than it needs: those that blocked calls left behind. */
  async #afterTimeout(): Promise<void> {
    if (this.#agenda.live !== 0) {
      if (await this.#eventLoop.hasOverslept()) add(this.#words, OVERSLEPT, 1);
    } else if (this.#shared.roles.resign(this.#isolate, this.#shared.idle.procs)) {
      this.#agenda.close();
    } else {
      this.#coldSince = 0;
    }
  }

  #sleepInEventLoop(asleep: SleepState, ms: number): Promise<void> {
    // Partner: the host's look at it, while this M sleeps.
    this.#isStuck = !this.#agenda.hasTimers && this.#home.polled === 0 && !this.#agenda.hasOwnWork() &&
      this.#eventLoop.isEmpty();
    store(this.#words, this.#record + M_STUCK, this.#isStuck ? 1 : 0);
    return this.#hold.sleepInEventLoop(asleep, Math.max(0, ms - this.#eventLoop.ahead));
  }

  #wasInEventLoop(): void {
    this.#eventLoop.hadTurn();
    if (this.#isStuck) store(this.#words, this.#record + M_STUCK, 0);
    this.#answerHost();
  }

  /**
   * A turn of the event loop without a P. What runs there may take long: meanwhile the M counts as one that sleeps in its
   * event loop. Whether a P was given meanwhile. One without live Gs may be a spare, which nobody is to give one.
   */
  async #turnAsleep(): Promise<boolean> {
    try {
      const asleep = this.#agenda.live === 0 ? undefined : this.#sleepState(false);
      if (asleep !== undefined) this.#hold.announce(asleep);
      await this.#eventLoop.turn();
      this.#locks.enter();
      return asleep !== undefined && this.#hold.retract(asleep);
    } finally {
      this.#locks.leave();
    }
  }

  /** The host believes that this is a deadlock: see deadlock.ts. */
  #answerHost(): void {
    const asked = load(this.#words, this.#record + M_ASKED);
    if (asked === 0) return;
    store(this.#words, this.#record + M_ASKED, 0);
    if (asked === REPORT_WAITS) reportWaits(this.#home, this.#runner.names);
    if (asked === BREAK_DEADLOCK) breakDeadlock(this.#home);
  }
}
