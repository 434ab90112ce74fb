/**
 * sysmon, the watchdog: a thread without a P that looks at all Ps now and then, as in Go's runtime/proc.go. It takes Ps
 * from blocking calls that last, and from Ms that were given one and do not come for it, and passes them on. And it looks
 * after native Ms.
 *
 * It looks every 20 us while that finds something to do. After 50 looks in vain the sleep between them doubles, up to
 * 1 ms while tasks make blocking calls, up to 10 ms if they make none. When nothing has run for a second it sleeps until
 * somebody takes a P.
 */
import type { Shim } from "../../ffi/shim.ts";
import { cas, load, store } from "../arena/atomics.ts";
import type { Shared } from "../parking/shared.ts";
import { NativeWatch } from "./native_watch.ts";
import { Netpoll } from "./netpoll.ts";
import { CLOSING, PROCS_FIXED, PROCS_SEEN } from "../arena/layout/header.ts";
import { HOST, M_IMPORTS } from "../arena/layout/m.ts";
import { METER_QUEUE, METER_RETAKES } from "../arena/layout/meter.ts";
import { NATIVE_HOST_THREADS } from "../arena/layout/native.ts";
import { Preemption } from "./preemption.ts";
import { calls, holder, isInCall, isOnItsWay, isRunning } from "../parking/processor.ts";
import { MARKED } from "../parking/sleep_word.ts";
import { procsOfMachine } from "./procs.ts";
import { NAPS, SLEEPS } from "../parking/sysmon_sleep.ts";
import { Meter } from "../tracing/meter.ts";
import { RETOOK } from "../tracing/tracer.ts";

/** Microseconds between looks, as are the next two: Go's 20; what keeps sysmon at 0.5% of a CPU (bench, `idle-sysmon`); Go's 10 ms. */
const TICK = 20;
const LONGEST_WITH_CALLS = 1_000;
const LONGEST_NAP = 10_000;
/** Go's: looks in vain before the sleep doubles. */
const QUIET = 50;
/** Guess: nanoseconds without a blocking call after which none is expected. */
const CALM = 1e9;
/** The same without a P in use, before it sleeps; Go's does at once. Guess: a look is some 0.1 ms of a CPU, and to wake it 5 us. */
const REST = 1e8;
/** Go's: nanoseconds after which a P is taken although nobody waits for it. */
const RETAKE_ANYWAY = 10e6;
/** Nanoseconds that an M which imports a module may leave a P that it was given. Guess. */
const REVOKE_ANYWAY = 1e9;
/**
 * Nanoseconds after which it is worth a new thread, which takes 25 ms of a CPU. Guess: with less, calls of 20 to 100 us
 * that do not block let the pool grow to many threads that are of no use.
 */
const WORTH_A_THREAD = 1e6;
/** Nanoseconds between looks at what the machine has room for. Guess. */
const MACHINE_CHECK = 1e9;
/** The same at how much is queued, at the least: a look takes 10 ns for each P. */
const QUEUE_SAMPLE = 1e6;
/** Microseconds that it sleeps at the most if the host may end without a word. Guess. */
const HOST_CHECK = 1e6;

/** A P's status when it was last seen to change. */
interface Seen {
  word: number;
  since: number;
}

export class Sysmon {
  readonly #shared: Shared;
  readonly #words: Int32Array;
  readonly #shim: Shim;
  readonly #native: NativeWatch;
  readonly #netpoll: Netpoll;
  readonly #preemption: Preemption;
  readonly #meter: Meter;
  readonly #seen: Seen[] = [];
  #now = 0;
  #lastCall = 0;
  #lastRun = 0;
  #lastMachineCheck = 0;
  #lastSample = 0;
  #procsOfMachine: number;
  /** Of the host's thread, if that is not the main one. */
  readonly #life: number | undefined;
  /** Of a sleep that somebody ends: microseconds, below 0 for ever. */
  readonly #longest: number;
  readonly #nativeThreads: number;

  constructor(shared: Shared, shim: Shim, life?: number) {
    const { arena, idle, parker } = shared;
    this.#shared = shared;
    this.#life = life;
    this.#longest = life === undefined ? -1 : HOST_CHECK;
    this.#nativeThreads = arena.nativeHost + NATIVE_HOST_THREADS;
    this.#words = arena.i32;
    this.#shim = shim;
    this.#native = new NativeWatch(arena, shim, parker);
    this.#netpoll = new Netpoll(shared);
    this.#meter = new Meter(arena, arena.sysmonMeter, shim);
    this.#preemption = new Preemption(shared, shim, this.#meter);
    // What the host found there.
    this.#procsOfMachine = idle.procs;
    // The kernel may be so many nanoseconds late with a timeout: 50,000, if nobody says.
    shim.setTimerSlack(1);
  }

  /** Until the scheduler closes. */
  run(): void {
    let quiet = QUIET;
    /** Looks that another one had called for, since one found something to take. */
    let vain = 0;
    let us = LONGEST_WITH_CALLS;
    this.#shared.sysmonSleep.retract();
    while (load(this.#words, CLOSING) === 0) {
      this.#now = this.#shim.nowNs();
      this.#retook = false;
      this.#expectsMore = false;
      this.#netpoll.tick();
      const nativeCallsWait = this.#native.tick();
      this.#preemption.begin(this.#now);
      this.#lookAtPs();
      this.#lookAtQueues();
      this.#lookAtMachine();
      if (this.#preemption.hasActed) this.#retook = true;
      quiet = this.#retook ? 0 : quiet + 1;
      if (this.#retook) vain = 0;
      else if (this.#expectsMore) vain++;
      // Short calls look like long ones at first. Whoever makes nothing but these is not worth a CPU.
      if (this.#retook || nativeCallsWait || (this.#expectsMore && vain <= QUIET)) us = TICK;
      else if (quiet > QUIET) us *= 2;
      us = Math.min(us, Math.max(TICK, this.#preemption.next / 1e3));
      if (nativeCallsWait || this.#preemption.isWatching || !this.#nothingRuns()) this.#lastRun = this.#now;
      us = this.#sleep(us);
      if (this.#isHostGone()) this.#close();
    }
    this.#preemption.close();
    if (this.#life !== undefined) this.#outliveNativeThreads();
  }

  /** A Worker ends by terminate() or by itself, and closes nothing. */
  #isHostGone(): boolean {
    return this.#life !== undefined && this.#shim.hasEnded(this.#life);
  }

  /** In the place of the host: whoever sleeps, for good perhaps, finds out. */
  #close(): void {
    store(this.#words, CLOSING, 1);
    for (const isolate of this.#shared.roles.isolates) this.#shared.wakeups.signal(isolate);
    this.#native.close();
    this.#shim.pollerClose(this.#shim.addressOf(this.#words.subarray(this.#shared.arena.poller)));
  }

  /**
   * They have their queue in the arena, which is there as long as this thread has it, and longer than the host's thread. One may be
   * in a call for ever.
   */
  #outliveNativeThreads(): void {
    while (load(this.#words, this.#nativeThreads) > 0) this.#shared.sysmonSleep.tick(HOST_CHECK);
  }

  // What the last look found.
  #retook = false;
  /** A call has begun whose P others could use: it is to look again in a tick. */
  #expectsMore = false;

  /** Returns what to double the next time. */
  #sleep(us: number): number {
    const sysmon = this.#shared.sysmonSleep;
    if (this.#now - this.#lastRun > REST) {
      sysmon.announce(SLEEPS);
      const isWanted = this.#netpoll.tick() || this.#native.tick() || load(this.#words, CLOSING) === 1;
      if (this.#nothingRuns() && !isWanted) sysmon.sleep(SLEEPS, this.#longest);
      sysmon.retract();
      return LONGEST_WITH_CALLS;
    }
    if (us <= LONGEST_WITH_CALLS || this.#now - this.#lastCall < CALM) {
      sysmon.tick(Math.min(us, LONGEST_WITH_CALLS));
      return Math.min(us, LONGEST_WITH_CALLS);
    }
    // It ends by itself, so there is no second look at Ps: a call that began just now has to wait for that.
    sysmon.announce(NAPS);
    if (!this.#netpoll.tick() && !this.#native.tick()) sysmon.sleep(NAPS, Math.min(us, LONGEST_NAP));
    sysmon.retract();
    return Math.min(us, LONGEST_NAP);
  }

  #nothingRuns(): boolean {
    return this.#shared.idle.idlePs >= this.#shared.idle.procs;
  }

  // Ps ----------------------------------------------------------------------------------------------------------------

  #lookAtPs(): void {
    // Also at those that do not count any more: they may be in calls, or run on.
    const ps = this.#shared.idle.mostProcs;
    for (let p = 0; p < ps; p++) {
      const word = this.#shared.idle.ps.word(p);
      const seen = this.#seen[p] ??= { word, since: this.#now };
      if (isRunning(word)) this.#preemption.look(p, word);
      if (word !== seen.word) {
        if (isInCall(word) || calls(word) !== calls(seen.word)) this.#lastCall = this.#now;
        seen.word = word;
        seen.since = this.#now;
        if (isInCall(word) && this.#isWanted(p)) this.#expectsMore = true;
      } else if (isInCall(word)) {
        if (this.#now - seen.since >= this.#retakeAfter(p)) this.#retake(p, word);
      } else if (isOnItsWay(word) && this.#now - seen.since >= RETAKE_ANYWAY) {
        // It may be given away once more, and look the same.
        if (this.#revoke(p, this.#now - seen.since)) seen.since = this.#now;
      }
    }
  }

  /** Go's conditions: it has work in its ring, or all other Ps are busy, or it does not count any more. */
  #isWanted(p: number): boolean {
    return !this.#shared.rings.isEmpty(p) || !this.#shared.idle.isAnyHungry || p >= this.#shared.idle.procs;
  }

  /** How long a call may have its P. If a thread would have to be started for it, longer. */
  #retakeAfter(p: number): number {
    if (!this.#isWanted(p)) return RETAKE_ANYWAY;
    return this.#shared.wakeups.isAnyParked || p >= this.#shared.idle.procs ? 0 : WORTH_A_THREAD;
  }

  /** From a call that lasts: the very one that the last look saw. */
  #retake(p: number, word: number): void {
    const isolate = holder(word);
    const hasMarked = this.#shared.parker.mark(isolate);
    // It waits for a signal that it was asked by, and calls later; or a sysmon that has died marked it.
    if (!hasMarked && this.#shared.parker.state(isolate) !== MARKED) return;
    if (this.#shared.idle.ps.retake(p, word)) {
      this.#retook = true;
      this.#meter.count(METER_RETAKES);
      // Before another M has it, and says from when on.
      this.#meter.lookForTracing()?.instant(RETOOK, isolate, p);
      this.#shared.wakeups.passOn(p);
    } else if (hasMarked) {
      this.#shared.parker.unmark(isolate);
    }
  }

  /**
   * From an M whose event loop runs a long continuation, so that it does not come for the P that it was given. One that imports a
   * module has longer: another thread would have to import it first. False: it does, or has come.
   */
  #revoke(p: number, waited: number): boolean {
    const { arena, parker, roles, wakeups } = this.#shared;
    const imports = (isolate: number) => load(this.#words, arena.isolate(isolate) + M_IMPORTS) !== 0;
    const from = roles.first((isolate) =>
      !(waited < REVOKE_ANYWAY && imports(isolate)) && parker.revoke(isolate, p)
    );
    if (from === HOST) return waited >= REVOKE_ANYWAY;
    this.#retook = true;
    wakeups.passOn(p);
    return true;
  }

  // Queues ------------------------------------------------------------------------------------------------------------

  #lookAtQueues(): void {
    if (this.#now - this.#lastSample < QUEUE_SAMPLE) return;
    this.#lastSample = this.#now;
    this.#meter.record(METER_QUEUE, this.#shared.wakeups.tasksQueued);
  }

  // The machine -------------------------------------------------------------------------------------------------------

  #lookAtMachine(): void {
    if (this.#now - this.#lastMachineCheck < MACHINE_CHECK) return;
    const seen = load(this.#words, PROCS_SEEN);
    if (seen === PROCS_FIXED) return;
    this.#lastMachineCheck = this.#now;
    const procs = procsOfMachine(this.#shim);
    // If the host has taken or fixed it just now, there is another time, or none.
    if (procs === this.#procsOfMachine || !cas(this.#words, PROCS_SEEN, seen, procs)) return;
    this.#procsOfMachine = procs;
    this.#shared.wakeups.signal(HOST);
  }
}
