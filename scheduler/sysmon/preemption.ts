/**
 * sysmon's part in preemption: whom to freeze, and what becomes of it. Go's retake() and preemptone(); but what Go does at
 * the next safe point of a goroutine is done to the whole thread here, in the handler of SIGURG (native/preempt.c).
 *
 *           sysmon          handler, at a safe place          sysmon takes the P         who gives it a P
 *   AWAKE ─────────► ASKED ──────────────────────────► FROZEN ─────────────────────► SHELVED ──────────────► given(p)
 *     ▲                │ handler, elsewhere              └──────────────────► ABANDONED
 *     └────────────────┘                                   the same, past runawayMs
 *
 * **The P of a FROZEN M** stays in its name until sysmon takes it, by CAS on the P's word; only then is the M SHELVED, and can be
 * given another one. If that were one state, sysmon could mistake the P that the M is being given for the one that it had.
 * Who gives it a P writes its name into the P's word before the CAS, since the M goes on in a G's code and does not do that
 * itself. The handler writes what it was given into M_GIVEN, and the M reads that when it enters the scheduler the next time.
 *
 * **Unfreezable.** After TRIES in vain sysmon asks the thread to let go of its P instead (ASKED_TO_LET_GO). In the handler, so
 * without a fence in every step of the scheduler, it becomes LETS_GO, with a mark, and runs on. When it is back in the scheduler
 * it finds the mark before it touches anything. Who changes LETS_GO first, by CAS, has the P: the M (AWAKE), or sysmon
 * (SEIZED). The P's word could not say that: it may be the same again when the M has come back and made a blocking call.
 * An M that keeps its P looks which P that is: it may have been frozen before, and given another one than it knows of. One that
 * is SEIZED runs on as in a blocking call, waits for a P when it is back, and is asked to freeze as before (ASKED_SEIZED).
 *
 * **Runaways.** A turn that has taken `runawayMs` of CPU time ends: FROZEN as ABANDONED, SEIZED as LOST, which is still asked
 * (ASKED_LOST), to end as ABANDONED. The host buries it as if it had died, but its number is not used again.
 */
import { errnoName } from "../../ffi/errno.ts";
import type { Shim } from "../../ffi/shim.ts";
import { load, store } from "../arena/atomics.ts";
import type { Shared } from "../parking/shared.ts";
import type { Meter } from "../tracing/meter.ts";
import { FROZE, PREEMPTED_P } from "../tracing/tracer.ts";
import { stallOf } from "../parking/locks.ts";
import type { Arena } from "../arena/arena.ts";
import { PREEMPT, PREEMPTED, RUNAWAY_MS, SLICE_MS, STALL_MS } from "../arena/layout/header.ts";
import { HOST, M_RAN_BEFORE, M_RAN_ON, M_STALLED, M_TID } from "../arena/layout/m.ts";
import { METER_FREEZES } from "../arena/layout/meter.ts";
import { MAX_CODE_RANGES } from "../arena/layout/native.ts";
import {
  ASKED,
  ASKED_LOST,
  ASKED_SEIZED,
  ASKED_TO_LET_GO,
  AWAKE,
  FROZEN,
  isAsked,
  isFrozen,
  isLost,
  isSeized,
  LETS_GO,
  LOST,
  SEIZED,
} from "../parking/sleep_word.ts";
import type { Parker } from "../parking/parker.ts";
import { holder } from "../parking/processor.ts";
import { Gain, NOBODY, RETURNING } from "./gain.ts";
import type { Turn } from "./turn.ts";

/**
 * Refusals after which the P is taken from a thread that cannot be frozen. JSON.parse and BigInt are in C++ 99 of 100
 * times, so it is a question of what they cost: 50 looks, 20 us apart, are a tenth of a slice.
 */
const TRIES = 50;
/** Nanoseconds between looks at an M whose slice is over, and for whose P nobody waits. Guess. */
const OVERTIME_INTERVAL = 2e6;
/** Nanoseconds between looks whether a thread has answered: it has to be on a CPU for that. Guess. */
const ANSWER_INTERVAL = 50e3;
/** Nanoseconds between questions to a thread that has lost its P already. Guess. */
const SEIZED_INTERVAL = 1e6;
/**
 * The same to one that is LOST, and does nothing but harm. A loop around JSON.parse and JSON.stringify is in JavaScript in one
 * of 700 looks: 1 ms apart that took more than 8 s on a busy machine, 50 us apart 0.1 s.
 */
const LOST_INTERVAL = 50e3;
/**
 * Milliseconds that a thread may go on after the scheduler was closed, and between looks whether it does; then between
 * questions, and after which it is left alone: it is in a foreign call that does not return. Guesses.
 */
const LINGER = 1000;
const STEP = 5;
const INSISTENT_STEP = 0.1;
const GIVE_UP = 10_000;
/** Nanoseconds that what is known of code stays true. Reading it takes 200 us: 0.2% of a CPU while somebody is asked. */
const CODE_AGE = 100e6;

export class Preemption {
  readonly #shared: Shared;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #shim: Shim;
  readonly #parker: Parker;
  readonly #gain: Gain;
  readonly #meter: Meter;
  readonly #isOn: boolean;
  /** Nanoseconds, as are the next two. */
  readonly #slice: number;
  readonly #stall: number;
  readonly #runaway: number;
  readonly #seized = new Set<number>();
  readonly #asked = new Set<number>();
  /** Since when. */
  readonly #frozen = new Map<number, number>();
  readonly #code: number;
  #codeRead = -CODE_AGE;
  #hasWarned = false;
  #now = 0;
  /** What the last look found: whether a P was taken, and in how many nanoseconds it wants to look again. */
  hasActed = false;
  next = Infinity;

  constructor(shared: Shared, shim: Shim, meter: Meter) {
    this.#meter = meter;
    const { arena } = shared;
    this.#shared = shared;
    this.#arena = arena;
    this.#words = arena.i32;
    this.#shim = shim;
    this.#parker = shared.parker;
    this.#isOn = load(this.#words, PREEMPT) === 1;
    this.#slice = load(this.#words, SLICE_MS) * 1e6;
    this.#gain = new Gain(shared, shim, this.#slice);
    this.#stall = load(this.#words, STALL_MS) * 1e6 || Infinity;
    this.#runaway = load(this.#words, RUNAWAY_MS) * 1e6 || Infinity;
    this.#code = shim.addressOf(arena.u8.subarray(arena.codeRanges * 4));
    this.#adopt();
  }

  /** What a sysmon that has died left behind: threads that run on without a P, of which no P's status says so. */
  #adopt(): void {
    for (const isolate of this.#shared.roles.isolates) {
      const state = this.#parker.state(isolate);
      if (isAsked(state)) this.#asked.add(isolate);
      if (isSeized(state) || (isLost(state) && !isFrozen(state))) this.#seized.add(isolate);
    }
  }

  /** Whether somebody runs on without a P, or is asked, and may be frozen at any time: no idle count says so. */
  get isWatching(): boolean {
    return this.#seized.size !== 0 || this.#asked.size !== 0;
  }

  /** Before the Ps are looked at. */
  begin(now: number): void {
    this.#now = now;
    this.hasActed = false;
    this.next = Infinity;
    this.#gain.begin(now);
    for (const isolate of this.#seized) this.#lookAtSeized(isolate);
    for (const [isolate, since] of this.#frozen) {
      if (isFrozen(this.#parker.state(isolate))) continue;
      this.#frozen.delete(isolate);
      this.#meter.record(METER_FREEZES, now - since);
      this.#meter.lookForTracing()?.lasted(FROZE, isolate, 0, now - since);
    }
    // Who has answered and parked is in no P's status.
    for (const isolate of this.#asked) this.#hasAnswered(isolate, this.#parker.state(isolate));
  }

  /** A P in the hands of an M. `word`: its status. */
  look(p: number, word: number): void {
    if (!this.#isOn && this.#stall === Infinity) return;
    const isolate = holder(word);
    const turn = this.#gain.turn(isolate);
    if (turn.ran >= this.#stall) this.#report(isolate, turn);
    this.#gain.watch(p);
    const state = this.#parker.state(isolate);
    if (state !== AWAKE) return this.#lookAtAnswer(isolate, turn, state, p);
    this.#asked.delete(isolate);
    if (!this.#isOn) return;
    const isRunaway = this.#isRunaway(turn);
    const left = isRunaway ? 0 : turn.left(this.#slice, this.#now);
    if (left > 0) this.next = Math.min(this.next, left);
    else if (isRunaway || this.#gain.whom(p, isolate, turn) !== NOBODY) this.#ask(isolate, turn, p, word);
    // Who comes later does not wait for another slice.
    else this.next = Math.min(this.next, OVERTIME_INTERVAL);
  }

  /**
   * All is closing. Who is frozen goes on, without a P: to the end of its task, and its thread with it. Who still computes
   * after LINGER is frozen for good, as soon as it can be: `terminate()` does not stop a loop, which would keep a core for
   * the rest of the process.
   */
  close(): void {
    const { isolates } = this.#shared.roles;
    for (let ms = 0, step = STEP; ms < GIVE_UP; ms += step) {
      this.#now = this.#shim.nowNs();
      if (ms >= LINGER) step = INSISTENT_STEP;
      let isAnyThere = false;
      for (const isolate of isolates) {
        const state = this.#parker.state(isolate);
        // Later it is one that was stopped. What was asked before may be answered just now, so one look has to say both.
        if (isFrozen(state) && (ms >= LINGER || isLost(state)) || !this.#isAlive(isolate)) continue;
        isAnyThere = true;
        if (isFrozen(state)) this.#parker.thaw(isolate);
        else this.#stop(isolate, state, ms >= LINGER);
      }
      if (!isAnyThere || !this.#isOn) return;
      this.#shared.sysmonSleep.tick(step * 1e3);
    }
  }

  #isAlive(isolate: number): boolean {
    const tid = load(this.#words, this.#arena.isolate(isolate) + M_TID);
    return tid !== 0 && this.#shim.getAffinity(tid).length !== 0;
  }

  /** Who was LOST before, or is late. */
  #stop(isolate: number, state: number, isLate: boolean): void {
    if (!this.#hasAnswered(isolate, state)) return;
    this.#refreshCode();
    // Whose P it is does not matter any more.
    if (isLate) this.#parker.seize(isolate);
    const isOurs = this.#parker.ask(isolate, LOST, ASKED_LOST) ||
      (isLate &&
        (this.#parker.ask(isolate, AWAKE, ASKED) || this.#parker.ask(isolate, SEIZED, ASKED_SEIZED)));
    if (isOurs && this.#send(isolate)) this.#asked.add(isolate);
  }

  #isRunaway(turn: Turn): boolean {
    return turn.used >= this.#runaway;
  }

  /**
   * Blocking calls are not interrupted: a signal would end some system calls. So sysmon asks, then looks whether the P's word is
   * still the one that it saw, and sends the signal if so. The M enters its call, then looks whether it was asked, and if so
   * waits for the signal before it calls. One of them sees the other. No M leaves a question behind either: one that parts
   * with its P, parks, or comes back SEIZED, waits for the signal first. So each signal has arrived before the next call.
   */
  #ask(isolate: number, turn: Turn, p: number, word: number): void {
    this.#refreshCode();
    const question = turn.tries++ < TRIES ? ASKED : ASKED_TO_LET_GO;
    if (!this.#parker.ask(isolate, AWAKE, question)) return;
    // Partner: BlockingCalls.run, which enters its call and then looks whether it was asked.
    if (this.#shared.idle.ps.word(p) !== word || !this.#send(isolate)) {
      this.#parker.ask(isolate, question, AWAKE);
      return;
    }
    this.#asked.add(isolate);
    this.next = 0;
  }

  #send(isolate: number): boolean {
    return this.#shim.preempt(load(this.#words, this.#arena.isolate(isolate) + M_TID)) === 0;
  }

  /** Or was not asked. */
  #hasAnswered(isolate: number, state: number): boolean {
    if (!isAsked(state)) {
      this.#asked.delete(isolate);
      return true;
    }
    this.next = Math.min(this.next, ANSWER_INTERVAL);
    return false;
  }

  #lookAtAnswer(isolate: number, turn: Turn, state: number, p: number): void {
    if (!this.#hasAnswered(isolate, state)) return;
    if (state !== FROZEN && !(state === LETS_GO && this.#parker.seize(isolate))) return;
    const whom = this.#gain.whom(p, isolate, turn);
    if (!this.#shared.idle.ps.takeFrom(p, isolate)) return;
    this.hasActed = true;
    this.#meter.lookForTracing()?.instant(PREEMPTED_P, isolate, p);
    store(this.#words, PREEMPTED, load(this.#words, PREEMPTED) + 1);
    store(
      this.#words,
      this.#arena.isolate(isolate) + M_RAN_BEFORE,
      Math.min(turn.ran / 1e3, 2 ** 31 - 1) | 0,
    );
    if (whom === RETURNING) this.#shared.wakeups.passToReturning(p, isolate);
    else this.#shared.wakeups.passOn(p, Math.max(whom, HOST));
    if (state === FROZEN) this.#freeze(isolate, turn);
    else this.#seized.add(isolate);
  }

  /** It sleeps in the handler, without a P. */
  #freeze(isolate: number, turn: Turn): void {
    turn.pause();
    turn.tries = 0;
    if (this.#isRunaway(turn)) return this.#abandon(isolate, turn);
    this.#frozen.set(isolate, this.#now);
    if (this.#parker.shelve(isolate)) this.#shared.wakeups.queueForP(isolate);
  }

  /** It runs on without a P. */
  #lookAtSeized(isolate: number): void {
    const state = this.#parker.state(isolate);
    if (!this.#hasAnswered(isolate, state)) return;
    const turn = this.#gain.turn(isolate);
    if (state !== SEIZED && state !== LOST) {
      this.#seized.delete(isolate);
      if (state === FROZEN) this.#freeze(isolate, turn);
      else turn.pause();
      return;
    }
    if (turn.ran >= this.#stall) this.#report(isolate, turn);
    if (this.#isRunaway(turn) && state === SEIZED) return this.#abandon(isolate, turn);
    const interval = state === SEIZED ? SEIZED_INTERVAL : LOST_INTERVAL;
    this.next = Math.min(this.next, interval);
    if (this.#now - turn.since < interval) return;
    turn.since = this.#now;
    this.#refreshCode();
    const question = state === SEIZED ? ASKED_SEIZED : ASKED_LOST;
    if (!this.#parker.ask(isolate, state, question)) return;
    if (this.#send(isolate)) this.#asked.add(isolate);
    // It has ended.
    else if (this.#parker.ask(isolate, question, state)) this.#seized.delete(isolate);
  }

  /** For good. */
  #abandon(isolate: number, turn: Turn): void {
    store(this.#words, this.#arena.isolate(isolate) + M_RAN_ON, Math.round(turn.used / 1e6));
    if (this.#parker.abandon(isolate)) this.#shared.wakeups.signal(HOST);
  }

  /** To the host, once a turn. */
  #report(isolate: number, turn: Turn): void {
    const record = this.#arena.isolate(isolate);
    const stall = stallOf(turn.number);
    if (load(this.#words, record + M_STALLED) === stall) return;
    store(this.#words, record + M_RAN_ON, Math.round(turn.ran / 1e6));
    store(this.#words, record + M_STALLED, stall);
    this.#shared.wakeups.signal(HOST);
  }

  /** Only while nobody looks at it: a handler does if its thread was asked. */
  #refreshCode(): void {
    if (this.#now - this.#codeRead < CODE_AGE || this.#asked.size !== 0) return;
    this.#codeRead = this.#now;
    const result = this.#shim.readCode(this.#code, MAX_CODE_RANGES);
    if (result >= 0 || this.#hasWarned) return;
    this.#hasWarned = true;
    console.warn(
      `Heddle cannot read /proc/self/maps (${
        errnoName(result)
      }). Until it can, tasks whose slice is over lose their P, and are ` +
        "not frozen.",
    );
  }
}
