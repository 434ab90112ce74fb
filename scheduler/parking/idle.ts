/**
 * Idle Ps, spinning Ms, and the decision to wake somebody.
 *
 * One packed word: the number of idle Ps in the upper half, of spinning Ms in the lower. A submitter publishes its work
 * and reads the word once: if somebody spins, or no P is idle, it is done. The counts follow the P's status words: a
 * P is marked idle before it is counted and taken before it is discounted, so the count can lag, in either direction
 * and briefly below zero. Whoever made it lag looks for work after correcting it, or holds a P.
 */
import { add, cas, load, store } from "../arena/atomics.ts";
import type { GlobalRunQueue } from "../queues/global_run_queue.ts";
import type { LocalRunQueue } from "../queues/local_run_queue.ts";
import { type Mailbox, TO_OWNER, TO_RUNNER } from "../queues/mailbox.ts";
import {
  type Arena,
  G_RUNNER_MAILED,
  HOST,
  IDLE,
  ISOLATES,
  M_WANTS_P,
  MAX_PROCS,
  MOST_PROCS,
  PROCS,
} from "../arena/memory_layout.ts";
import {
  AWAITS_P,
  AWAKE,
  given,
  isParkedWithoutP,
  looksBeforeItSleeps,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
  type Parker,
  SHELVED,
  SPARE_FUTEX,
} from "./parker.ts";
import { Processors } from "./processor.ts";
import { POOL, Roles } from "./roles.ts";
import { SysmonSleep } from "./sysmon_sleep.ts";

const ONE_IDLE = 1 << 16;
const SPINNING_MASK = ONE_IDLE - 1;

/** An M that has no P. */
export const NO_P = -1;
/** A dedicated M's own P: outside `procs`, and with nothing that others could want of it, so it has no record. */
export const EXEMPT_P = MAX_PROCS;

export class Idle {
  readonly ps: Processors;
  readonly roles: Roles;
  readonly sysmon: SysmonSleep;
  readonly #words: Int32Array;
  readonly #arena: Arena;
  readonly #parker: Parker;
  readonly #global: GlobalRunQueue;
  readonly #rings: LocalRunQueue;
  readonly #mailbox: Mailbox;

  constructor(arena: Arena, parker: Parker, global: GlobalRunQueue, rings: LocalRunQueue, mailbox: Mailbox) {
    this.ps = new Processors(arena);
    this.roles = new Roles(arena, parker);
    this.sysmon = new SysmonSleep(arena.i32, parker.futex);
    this.#arena = arena;
    this.#words = arena.i32;
    this.#parker = parker;
    this.#global = global;
    this.#rings = rings;
    this.#mailbox = mailbox;
  }

  get procs(): number {
    return load(this.#words, PROCS);
  }

  get mostProcs(): number {
    return load(this.#words, MOST_PROCS);
  }

  get idlePs(): number {
    return load(this.#words, IDLE) >> 16;
  }

  /** Whether a P is idle, or an M looks for work. */
  get isAnyHungry(): boolean {
    const word = load(this.#words, IDLE);
    return (word & SPINNING_MASK) !== 0 || word >> 16 > 0;
  }

  get spinning(): number {
    return load(this.#words, IDLE) & SPINNING_MASK;
  }

  /** By the host. Ps beyond `n` that are running stop when their M looks for work the next time. */
  setProcs(n: number): void {
    const before = this.procs;
    if (n > this.mostProcs) store(this.#words, MOST_PROCS, n);
    store(this.#words, PROCS, n);
    for (let p = Math.min(before, n); p < Math.max(before, n); p++) this.#settle(p);
    for (let i = before; i < n; i++) this.wake();
  }

  /** An idle P, `first` if that is one. It is on its way: who is given it stores itself there. */
  acquireP(first = 0): number {
    const procs = this.procs;
    for (let i = 0; i < procs; i++) {
      const p = (first + i) % procs;
      if (!this.ps.take(p)) continue;
      // Partner: sysmon announces that it sleeps, then reads the count.
      if (add(this.#words, IDLE, -ONE_IDLE) >> 16 >= procs) this.sysmon.wakeIfAsleep();
      return p;
    }
    return NO_P;
  }

  /** The P's ring is empty. The caller looks for work afterwards, or calls wakeIfWork(). */
  releaseP(p: number): void {
    this.ps.drop(p);
    this.#settle(p);
  }

  /** Brings a P that nobody holds in line with PROCS. Loops until what it did and what PROCS says agree. */
  #settle(p: number): void {
    for (;;) {
      const isCounted = p < this.procs;
      if (!this.ps.settle(p, isCounted)) return;
      add(this.#words, IDLE, isCounted ? ONE_IDLE : -ONE_IDLE);
      // Partner: as in acquireP(). It was counted as idle after PROCS had been lowered.
      if (!isCounted) this.sysmon.wakeIfAsleep();
    }
  }

  /** Whether the caller, which holds a P, may spin: at most half of the busy Ps' number does. */
  startSpinning(): boolean {
    const word = load(this.#words, IDLE);
    if (2 * (word & SPINNING_MASK) >= this.procs - (word >> 16)) return false;
    add(this.#words, IDLE, 1);
    return true;
  }

  /** The caller was about to sleep, saw something to do, and has a P: it spins, whatever the number of those that do. */
  spinFurther(): void {
    add(this.#words, IDLE, 1);
  }

  /** The caller spun and found nothing: it has released its P, and looks at everything once more. */
  stopSpinning(): void {
    add(this.#words, IDLE, -1);
  }

  /**
   * The caller spun and found work. Submitters relied on it while it was the last one that spun: if there is more, it
   * wakes the next. (Go wakes always; here a lone task would then wake two threads.)
   */
  foundWork(): void {
    if ((add(this.#words, IDLE, -1) & SPINNING_MASK) === 1 && this.workVisible()) this.wake();
  }

  /** Whether any queue that all Ms share has something. A hint when true, and reliable after an announcement. */
  workVisible(): boolean {
    if (!this.#global.isEmpty()) return true;
    const procs = this.procs;
    for (let p = 0; p < procs; p++) {
      if (!this.#rings.isEmpty(p)) return true;
    }
    return false;
  }

  /**
   * After work was published: if a P is idle and nobody spins, one parked M gets the P and is woken as a spinning M
   * (Go's wakep).
   */
  wake(): void {
    for (;;) {
      const word = load(this.#words, IDLE);
      if ((word & SPINNING_MASK) !== 0 || (word >> 16) <= 0) return;
      if (!cas(this.#words, IDLE, word, word + 1)) continue;
      const p = this.acquireP();
      if (p !== NO_P) {
        if (this.#give(p, true)) return;
        this.releaseP(p);
      }
      add(this.#words, IDLE, -1);
      // While we were counted as spinning others relied on us. An M that announces its sleep from here on sees the idle
      // P and the work by itself; one that had announced it before is found now.
      if (!this.isAnyParked) return this.#callForThread();
    }
  }

  /**
   * A P goes to who has use for it (Go's handoffp). The caller holds it, or took it from a call; its ring may hold Gs. `first`:
   * an M to ask before others of those that take what there is.
   */
  passOn(p: number, first = HOST): void {
    // If its M dies now, this is not what it leaves.
    this.ps.pass(p);
    // An M that only goes on with its G would leave the ring to the next one, and that to the next.
    if (!this.#rings.isEmpty(p)) {
      if (p < this.procs && this.#giveToAny(p, false, first)) return;
      this.#rings.moveToGlobal(p);
    }
    if (p < this.procs) {
      if (!this.#global.isEmpty()) {
        if (this.#give(p, false, first)) return;
      } else if (cas(this.#words, IDLE, 0, 1)) {
        // All others are busy: one M is to look for what they have too much of.
        if (this.#giveToAny(p, true)) return;
        this.stopSpinning();
      }
    }
    this.releaseP(p);
    this.wakeIfWork();
  }

  /**
   * The same for a P that was taken for those that wait in the middle of something: the next of these by number has it, out of
   * its turn, so that nothing begins instead. From the one that lost it round, so each has its turn.
   */
  passToReturning(p: number, after: number): void {
    this.ps.pass(p);
    this.#rings.moveToGlobal(p);
    const others = load(this.#words, ISOLATES) - 1;
    for (let i = 0; i < others && p < this.procs; i++) {
      const isolate = (after + i) % others + 1;
      if (this.isQueuedForP(isolate) && this.#offer(isolate, p)) return;
    }
    this.passOn(p);
  }

  /** Gives the P to the M whose turn it is, and if `spinning` a place among those that spin. False if there is none. */
  #give(p: number, spinning: boolean, first = HOST): boolean {
    for (let turn = this.#global.popNote(); turn !== 0; turn = this.#global.popNote()) {
      if (!this.handOff(turn, p)) continue;
      // It will not look for what else there is.
      if (spinning) this.foundWork();
      return true;
    }
    if (this.#giveToAny(p, spinning, first)) return true;
    // There is nobody to take what is first in the queue. Better out of turn than not at all.
    if (!this.#some((isolate) => this.isQueuedForP(isolate) && this.#offer(isolate, p))) return false;
    if (spinning) this.foundWork();
    return true;
  }

  /** To one that takes what there is. */
  #giveToAny(p: number, spinning: boolean, first = HOST): boolean {
    if (first !== HOST && this.#giveTo(first, p, spinning)) return true;
    if (this.#unparkAny(PARKED_FUTEX, given(p, spinning))) return true;
    // One that sleeps in its event loop may be in the middle of a G's continuation: it is not to be relied on.
    if (this.#unparkAny(PARKED_EVENT_LOOP, given(p, false))) {
      if (spinning) this.foundWork();
      return true;
    }
    return this.lacksThread && this.#giveSpare(given(p, spinning));
  }

  #giveTo(isolate: number, p: number, spinning: boolean): boolean {
    if (this.#parker.unpark(isolate, PARKED_FUTEX, given(p, spinning))) return true;
    if (!this.#parker.unpark(isolate, PARKED_EVENT_LOOP, given(p, false))) return false;
    if (spinning) this.foundWork();
    return true;
  }

  /** A spare joins the pool with a P, and the host makes another one. */
  #giveSpare(next: number): boolean {
    return this.#some((isolate) => {
      if (this.#parker.state(isolate) !== SPARE_FUTEX || !this.roles.claim(isolate, POOL)) return false;
      this.signal(HOST);
      // Unless a signal has just woken it: then it is one of the pool by now, and looks for work before it sleeps.
      return this.#parker.unpark(isolate, SPARE_FUTEX, next);
    });
  }

  /** Whether so many threads of the pool are in blocking calls that a P could find none. */
  get lacksThread(): boolean {
    return this.roles.available < this.procs;
  }

  /** There is work, an idle P, and nobody to take it: the host starts a thread. */
  #callForThread(): void {
    if (this.lacksThread) this.signal(HOST);
  }

  /** For who released a P and will not look for work. */
  wakeIfWork(): void {
    if (this.workVisible()) this.wake();
  }

  /** Something for the isolate alone was published: mail. */
  ready(isolate: number): void {
    for (;;) {
      const state = this.#parker.state(isolate);
      // It is awake, or being woken, and looks at its mail before it sleeps.
      // The last one looks at its mail when its G lets go of the thread.
      if (looksBeforeItSleeps(state) || state === AWAITS_P) return;
      if (isolate === HOST || !isParkedWithoutP(state)) {
        if (this.#parker.unpark(isolate, state, AWAKE)) return;
        continue;
      }
      const p = this.acquireP();
      if (p === NO_P) {
        this.queueForP(isolate);
        return;
      }
      if (this.#parker.unpark(isolate, state, given(p, false))) return;
      this.releaseP(p);
      this.wakeIfWork();
    }
  }

  /** An M that has something to do and no P waits its turn in the global queue, among the Gs. */
  queueForP(isolate: number): void {
    if (cas(this.#words, this.#arena.isolate(isolate) + M_WANTS_P, 0, 1)) this.#global.push(-isolate);
    this.wake();
  }

  /** Whether such a note is under way. The M asks after it announced its sleep. Partner: the store in handOff(). */
  isQueuedForP(isolate: number): boolean {
    return load(this.#words, this.#arena.isolate(isolate) + M_WANTS_P) === 1;
  }

  /** By who took that note out of the queue and offers its own P. False when the M does not sleep. */
  handOff(isolate: number, p: number): boolean {
    // Before the offer: whatever the M does next, it can put a new note in.
    store(this.#words, this.#arena.isolate(isolate) + M_WANTS_P, 0);
    return this.#offer(isolate, p);
  }

  #offer(isolate: number, p: number): boolean {
    for (;;) {
      const state = this.#parker.state(isolate);
      if (!isParkedWithoutP(state)) return false;
      // It goes on in a task's code, and does not write its name there.
      if (state === SHELVED) this.ps.hold(p, isolate);
      if (this.#parker.unpark(isolate, state, given(p, false))) return true;
      // It was given up, and the host has the P that it found in its name.
      if (state === SHELVED && !this.ps.takeBack(p, isolate)) return true;
    }
  }

  /** A mail to a slot's owner, see mailbox.ts. If that has died, the host sees by the status that nobody needs the slot. */
  mailOwner(owner: number, slot: number): void {
    if (this.#mailbox.push(owner, slot, TO_OWNER)) this.ready(owner);
  }

  /**
   * A mail by the link of a slot's runner. One that is under way already serves: the reader looks at the slot after
   * clearing. By the owner or the host; so if the isolate has died, nobody but the host touches the mark meanwhile.
   */
  mailRunner(runner: number, slot: number): void {
    const mark = this.#arena.g(slot) + G_RUNNER_MAILED;
    if (!cas(this.#words, mark, 0, runner)) return;
    if (this.#mailbox.push(runner, slot, TO_RUNNER)) this.ready(runner);
    else cas(this.#words, mark, runner, 0);
  }

  /** "Look at the header": see mailbox.ts. Wakes in any state, without a P. */
  signal(isolate: number): void {
    this.#mailbox.signal(isolate);
    for (;;) {
      const state = this.#parker.state(isolate);
      if (looksBeforeItSleeps(state) || this.#parker.unpark(isolate, state, AWAKE)) return;
    }
  }

  #unparkAny(asleep: number, next: number): boolean {
    return this.#some((isolate) =>
      this.#parker.state(isolate) === asleep && this.#parker.unpark(isolate, asleep, next)
    );
  }

  /** Whether an M sleeps that could use a P. A locked one could only if it has something to do. */
  get isAnyParked(): boolean {
    return this.#some((isolate) => {
      const state = this.#parker.state(isolate);
      return state === PARKED_FUTEX || state === PARKED_EVENT_LOOP ||
        (isParkedWithoutP(state) && this.isQueuedForP(isolate));
    });
  }

  /** The lowest number first, so that the same few threads stay warm. */
  #some(holds: (isolate: number) => boolean): boolean {
    const isolates = load(this.#words, ISOLATES);
    for (let isolate = HOST + 1; isolate < isolates; isolate++) {
      if (holds(isolate)) return true;
    }
    return false;
  }
}
