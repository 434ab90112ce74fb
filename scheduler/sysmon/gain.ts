/**
 * Whether it pays to take a P in the middle of a task, and who gets it. README.md says why, and what is guaranteed to who waits.
 *
 * **Who waits in the middle of something** has its thread. When a slice is over it gets the P, out of its turn in the global
 * queue: what stands there before it may not have begun, and may not pay. The next by number, from the one that lost the P
 * round, so all have their turn. Its note stays in the queue, and is for nothing when it is served.
 *
 * **What has not begun** gets the P of one that has used up its slice if
 *
 * 1. no module is being imported by the thread that would be frozen, and
 * 2. it is likely to be done in half the time: what has run for t is taken to run for as long again, or for what its
 *    definition's mean leaves, if that is more; what waits is taken to need its definition's mean, and what the import of its
 *    module and the first run took elsewhere, if no idle thread has run some. A definition without a mean needs as much as its
 *    first run, unless it is the one that runs: then as long as that has run so far. If both are of one kind, CPU time is what
 *    counts: on a busy machine equal tasks take long by the clock, all of them. And
 * 3. there is an idle thread that has run 16 of its kind (M_WARM); or none of the pool is importing one, and the head of the queue
 *    is what it was a slice ago, doubled for each thread that the pool has beyond `procs`, MOST_SLICES at most, unless one of these
 *    is idle; and as long ago as the import and the first run of what waits take, which others have to wait for as well. With
 *    `2 * procs + 2` threads in the pool that is not enough: for so long no turn may have ended anywhere.
 *
 * **Nobody waits for ever.** All of that can be wrong: 60 equal tasks may be one that never ends and 59 that would end it. So if for
 * NO_PROGRESS slices no turn has ended anywhere, or none of that P's while its ring had something, what is first gets a thread
 * whatever is known of it. Or for twice the mean of what runs, or what an import and a first run of what waits would take, if that
 * is more (who waits as long as the remedy takes loses half at the most: the ski rental problem). What runs must have had
 * that much of a CPU, or OFTEN times as long by the clock.
 *
 * The means are in the task table (run_times.ts). All are hints, and a wrong one costs time only.
 *
 * Measured on two cores that others used as well, against preempting for whatever waits: 60 tasks of 30 ms behind an import of
 * 0.3 s with one P were imported by 1 thread instead of 10 to 14; thumbnails of a large PNG, 50 in flight, took 4 instead of 39.
 */
import type { Shim } from "../../ffi/shim.ts";
import { load } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { IMPORTED } from "../arena/layout/header.ts";
import { G_TASK } from "../arena/layout/slot.ts";
import { M_IMPORTS, M_LOCKS, M_RUNS, M_TID, M_WARM } from "../arena/layout/m.ts";
import { turnOf } from "../parking/locks.ts";
import { POOL } from "../parking/roles.ts";
import type { Shared } from "../parking/shared.ts";
import { isParked, takesP } from "../parking/sleep_word.ts";
import { RunTimes } from "../slots/run_times.ts";
import { Turn } from "./turn.ts";

/** Who gets the P, if not an M of that number: nobody, so it stays where it is; an M with a note; any thread that can be had. */
export const NOBODY = 0;
export const RETURNING = -1;
export const ANYBODY = -2;

/** How many entries of a queue are looked at. Guess. */
const ENTRIES = 8;
/** How many times longer what runs has to take than what waits. Guess: of equal tasks few take twice the mean. */
const MUCH = 2;
/** Slices without an end or a yield anywhere, after which anything that waits may have a thread; of a module's import; guesses. */
const NO_PROGRESS = 25;
const NO_PROGRESS_IMPORTING = 500;
/** So much longer if what runs has not had that much of a CPU: others have it, or it sleeps in a system call. Guess. */
const OFTEN = 4;
/** The longest of these waits, however many threads there are. Guess. */
const MOST_SLICES = 100;
/** Threads beyond `procs`, for each P and besides. */
const SURPLUS_PER_P = 1;
const SURPLUS = 2;

/** A queue's head, and since when it is the same. */
interface Head {
  at: number;
  since: number;
}

export class Gain {
  readonly #shared: Shared;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #shim: Shim;
  readonly #times: RunTimes;
  /** Nanoseconds. */
  readonly #slice: number;
  /** Of Ms that have a P, or have lost it without being frozen. */
  readonly #turns: Turn[] = [];
  readonly #heads: Head[] = [];
  readonly #globalHead: Head = { at: 0, since: 0 };
  #now = 0;
  #lastProgress = 0;
  #imported = 0;
  // Of the M in question: what it runs, or -1. Microseconds: its mean, what it has taken, and what it is expected to take from now.
  #running = -1;
  #mean = 0;
  #ran = 0;
  #left = 0;
  /** As a task of the same kind would have to do it: what others had of the CPU meanwhile they would take from that one as well. */
  #leftOfCpu = 0;
  // Of what has not begun: whether anything was seen, and any that one more thread would pay for; the least that one needs first.
  #waits = false;
  #isWorthThread = false;
  #begins = Infinity;

  constructor(shared: Shared, shim: Shim, slice: number) {
    this.#shared = shared;
    this.#arena = shared.arena;
    this.#words = shared.words;
    this.#shim = shim;
    this.#times = new RunTimes(shared.arena);
    this.#slice = slice;
  }

  begin(now: number): void {
    this.#now = now;
    const imported = load(this.#words, IMPORTED);
    if (imported === this.#imported) return;
    // What stood still behind that goes on now.
    this.#imported = imported;
    this.#lastProgress = this.#globalHead.since = now;
    // Of Ps that were looked at: there are holes between them.
    for (const p in this.#heads) this.#heads[p].since = now;
  }

  /** Of the M, by now. If that is another one than it was, something goes on. */
  turn(isolate: number): Turn {
    const record = this.#arena.isolate(isolate);
    const number = turnOf(load(this.#words, record + M_LOCKS));
    const used = this.#shim.cpuNs(load(this.#words, record + M_TID));
    const turn = this.#turns[isolate] ??= new Turn();
    if (turn.look(number, used, this.#now)) this.#lastProgress = this.#now;
    return turn;
  }

  /** At each look at a P that somebody has. */
  watch(p: number): void {
    this.#see(this.#globalHead, this.#shared.global.isEmptyInFront(), this.#shared.global.head);
    this.#see(
      this.#heads[p] ??= { at: 0, since: this.#now },
      this.#shared.rings.isEmpty(p),
      this.#shared.rings.head(p),
    );
  }

  #see(head: Head, isEmpty: boolean, at: number): void {
    if (!isEmpty && head.at === at) return;
    head.at = at;
    head.since = this.#now;
  }

  /** For whom the M would lose its P. Its turn has taken `ran` nanoseconds so far, and used so many of a CPU. */
  whom(p: number, isolate: number, { ran, used }: { ran: number; used: number }): number {
    if (p >= this.#shared.idle.procs) return ANYBODY;
    if (this.#shared.idle.isAnyHungry) return NOBODY;
    this.#lookAtRunning(isolate, ran, used);
    const starts = this.#whomToStart(p, isolate, used);
    if (starts !== NOBODY) return starts;
    return this.#isAnyReturning() ? RETURNING : NOBODY;
  }

  #lookAtRunning(isolate: number, ran: number, used: number): void {
    this.#running = load(this.#words, this.#arena.isolate(isolate) + M_RUNS) - 1;
    this.#ran = ran / 1e3;
    this.#mean = this.#running < 0 ? 0 : this.#times.mean(this.#running);
    this.#left = Math.max(this.#ran, this.#mean - this.#ran);
    this.#leftOfCpu = Math.max(used / 1e3, this.#mean - this.#ran);
  }

  #whomToStart(p: number, isolate: number, used: number): number {
    this.#waits = this.#isWorthThread = false;
    this.#begins = Infinity;
    const isImporting = this.isImporting(isolate);
    for (let n = 0; n < ENTRIES; n++) {
      const slot = this.#shared.rings.peek(p, n);
      if (slot < 0) break;
      const thread = this.#whomFor(slot, isImporting);
      if (thread !== NOBODY) return thread;
    }
    for (let n = 0; n < ENTRIES; n++) {
      const entry = this.#shared.global.peek(n);
      if (entry === undefined) break;
      // A note is none.
      const thread = entry < 0 ? NOBODY : this.#whomFor(entry, isImporting);
      if (thread !== NOBODY) return thread;
    }
    if (!this.#waits) return NOBODY;
    // What is in the ring of a P that stands still may not be taken by others, although they go on.
    const still = this.#now - Math.min(this.#lastProgress, this.#heads[p].since);
    if (this.#isWorthThread && !this.#isAnyGettingWarm) {
      const due = Math.max(this.#backoff(1), this.#begins * 1e3);
      const { procs } = this.#shared.idle;
      const isWithinLimit = this.#surplus < procs * SURPLUS_PER_P + SURPLUS;
      if (this.#waited(p) >= due && (isWithinLimit || still >= due)) return ANYBODY;
    }
    const due = Math.max(
      this.#backoff(isImporting ? NO_PROGRESS_IMPORTING : NO_PROGRESS),
      MUCH * this.#mean * 1e3,
      this.#begins * 1e3,
    );
    return still >= due && (used >= due || still >= OFTEN * due) ? ANYBODY : NOBODY;
  }

  /** An idle thread that has run the slot's kind, if it is worth it. */
  #whomFor(slot: number, isImporting: boolean): number {
    this.#waits = true;
    const definition = load(this.#words, this.#arena.g(slot) + G_TASK);
    const first = this.#times.importTime(definition) + this.#times.cold(definition);
    this.#begins = Math.min(this.#begins, first);
    if (isImporting || !this.#isShorter(definition, 0)) return NOBODY;
    if (this.#isShorter(definition, first)) this.#isWorthThread = true;
    return this.#warmThread(definition);
  }

  /** Whether such a task would be done much sooner than what runs, after so many microseconds. */
  #isShorter(definition: number, first: number): boolean {
    const isSameKind = definition === this.#running;
    let expected = this.#times.mean(definition);
    // Of the first of its kind one knows how long that takes at least.
    if (expected === 0) expected = isSameKind ? this.#ran : this.#times.cold(definition);
    return MUCH * expected + first <= (isSameKind ? this.#leftOfCpu : this.#left);
  }

  /** How long the oldest that waits in the queues has been the oldest. */
  #waited(p: number): number {
    return this.#now - Math.min(this.#globalHead.since, this.#heads[p].since);
  }

  /** Nanoseconds: so many slices, doubled for each thread that there is already beyond `procs`, unless one of them is idle. */
  #backoff(slices: number): number {
    const surplus = this.#isAnyIdle ? 0 : Math.max(0, this.#surplus);
    return this.#slice * Math.min(slices * 2 ** surplus, Math.max(slices, MOST_SLICES));
  }

  /** Threads in calls are there for other reasons. */
  get #surplus(): number {
    return this.#shared.roles.count(POOL) - this.#shared.roles.blocked - this.#shared.idle.procs;
  }

  #warmThread(definition: number): number {
    return this.#shared.roles.first((isolate) =>
      this.#isIdle(isolate) &&
      (load(this.#words, this.#arena.isolate(isolate) + M_WARM) >>> (definition & 31) & 1) === 1
    );
  }

  /** One thread after the other: it will be there for what waits, as soon as it goes on. */
  get #isAnyGettingWarm(): boolean {
    return this.#shared.roles.first((isolate) =>
      this.#shared.roles.of(isolate) === POOL && this.isImporting(isolate)
    ) !==
      NOBODY;
  }

  isImporting(isolate: number): boolean {
    return load(this.#words, this.#arena.isolate(isolate) + M_IMPORTS) !== 0;
  }

  get #isAnyIdle(): boolean {
    return this.#shared.roles.first((isolate) => this.#isIdle(isolate)) !== NOBODY;
  }

  #isIdle(isolate: number): boolean {
    return isParked(this.#shared.parker.state(isolate));
  }

  /** Its thread is there, and what it waits for has come, or its next slice. */
  #isAnyReturning(): boolean {
    return this.#shared.roles.first((isolate) =>
      takesP(this.#shared.parker.state(isolate)) && this.#shared.wakeups.isQueuedForP(isolate)
    ) !== NOBODY;
  }
}
