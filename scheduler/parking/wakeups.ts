/**
 * Who is woken, and with which P: the decisions after work or mail was published, or a P became free. Go's wakep, handoffp
 * and ready; and the notes of Ms that want a P, which wait for their turn in the global queue, among the Gs.
 */
import { cas, load, store } from "../arena/atomics.ts";
import type { GlobalRunQueues } from "../queues/global_run_queues.ts";
import type { LocalRunQueue } from "../queues/local_run_queue.ts";
import type { Mailbox } from "../queues/mailbox.ts";
import type { Arena } from "../arena/arena.ts";
import { ISOLATES, ROOM_WANTED } from "../arena/layout/header.ts";
import { HOST, M_WANTS_P } from "../arena/layout/m.ts";
import { type Idle, NO_P } from "./idle.ts";
import type { Parker } from "./parker.ts";
import type { Processors } from "./processor.ts";
import { POOL, type Roles } from "./roles.ts";
import {
  AWAITS_P,
  AWAKE,
  given,
  isAsleep,
  isParked,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
  SHELVED,
  SPARE_FUTEX,
  takesP,
} from "./sleep_word.ts";

export class Wakeups {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #parker: Parker;
  readonly #idle: Idle;
  readonly #ps: Processors;
  readonly #roles: Roles;
  readonly #global: GlobalRunQueues;
  readonly #rings: LocalRunQueue;
  readonly #mailbox: Mailbox;

  constructor(
    arena: Arena,
    parker: Parker,
    idle: Idle,
    roles: Roles,
    global: GlobalRunQueues,
    rings: LocalRunQueue,
    mailbox: Mailbox,
  ) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#parker = parker;
    this.#idle = idle;
    this.#ps = idle.ps;
    this.#roles = roles;
    this.#global = global;
    this.#rings = rings;
    this.#mailbox = mailbox;
  }

  /** Whether any queue that all Ms share has something. A hint when true, and reliable after an announcement. */
  workVisible(): boolean {
    if (!this.#global.isEmpty()) return true;
    const procs = this.#idle.procs;
    for (let p = 0; p < procs; p++) {
      if (!this.#rings.isEmpty(p)) return true;
    }
    return false;
  }

  /** By the host. Ps that are added may find work. */
  setProcs(n: number): void {
    for (let more = this.#idle.setProcs(n); more > 0; more--) this.wake();
  }

  /**
   * The caller spun and found work. If it was the last one that spun and there is more, it wakes the next. (Go wakes always;
   * here a lone task would then wake two threads.)
   */
  foundWork(): void {
    if (this.#idle.stopSpinning() && this.workVisible()) this.wake();
  }

  /**
   * After work was published: if a P is idle and nobody spins, one parked M gets the P and is woken as a spinning M
   * (Go's wakep).
   */
  wake(): void {
    while (this.#idle.startWaking()) {
      const p = this.#idle.acquireP();
      if (p !== NO_P) {
        if (this.#give(p, true)) return;
        this.#idle.releaseP(p);
      }
      this.#idle.stopSpinning();
      // While we were counted as spinning others relied on us, for a few operations, none of which waits. An M that announces its
      // sleep from here on sees the idle P and the work by itself; one that had announced it before is found now.
      if (!this.isAnyParked) return this.#callForThread();
    }
  }

  /**
   * A P goes to who has use for it (Go's handoffp). The caller holds it, or took it from a call; its ring may hold Gs. `first`:
   * an M to ask before others of those that take what there is.
   */
  passOn(p: number, first = HOST): void {
    // If its M dies now, this is not what it leaves.
    this.#ps.pass(p);
    // An M that only goes on with its G would leave the ring to the next one, and that to the next.
    if (!this.#rings.isEmpty(p)) {
      if (p < this.#idle.procs && this.#giveToAny(p, false, first)) return;
      this.#rings.moveToGlobal(p);
    }
    if (p < this.#idle.procs) {
      if (!this.#global.isEmpty()) {
        if (this.#give(p, false, first)) return;
      } else if (this.#idle.startLooking()) {
        // All others are busy: one M is to look for what they have too much of.
        if (this.#giveToAny(p, true)) return;
        this.#idle.stopSpinning();
      }
    }
    this.#idle.releaseP(p);
    this.wakeIfWork();
  }

  /**
   * The same for a P that was taken for those that wait in the middle of something: the next of these by number has it, out of
   * its turn, so that nothing begins instead. From the one that lost it round, so each has its turn.
   */
  passToReturning(p: number, after: number): void {
    this.#ps.pass(p);
    this.#rings.moveToGlobal(p);
    const others = load(this.#words, ISOLATES) - 1;
    for (let i = 0; i < others && p < this.#idle.procs; i++) {
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
      if (this.#parker.state(isolate) !== SPARE_FUTEX || !this.#roles.claim(isolate, POOL)) return false;
      this.signal(HOST);
      // Unless a signal has just woken it: then it is one of the pool by now, and looks for work before it sleeps.
      return this.#parker.unpark(isolate, SPARE_FUTEX, next);
    });
  }

  /** Whether so many threads of the pool are in blocking calls that a P could find none. */
  get lacksThread(): boolean {
    return this.#roles.available < this.#idle.procs;
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
      if (!isAsleep(state) || state === AWAITS_P) return;
      if (isolate === HOST || !takesP(state)) {
        if (this.#parker.unpark(isolate, state, AWAKE)) return;
        continue;
      }
      const p = this.#idle.acquireP();
      if (p === NO_P) {
        this.queueForP(isolate);
        return;
      }
      if (this.#parker.unpark(isolate, state, given(p, false))) return;
      this.#idle.releaseP(p);
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

  /** A hint: tasks in the queues that all Ms share, also of Ps that do not count any more. Such notes are none. */
  get tasksQueued(): number {
    let tasks = this.#global.length;
    if (tasks !== 0) {
      const end = load(this.#words, ISOLATES);
      for (let isolate = HOST + 1; isolate < end; isolate++) if (this.isQueuedForP(isolate)) tasks--;
      // Some that are marked are not in the queue yet.
      tasks = Math.max(0, tasks);
    }
    for (let p = 0; p < this.#idle.mostProcs; p++) tasks += this.#rings.length(p);
    return tasks;
  }

  /** By who took that note out of the queue and offers its own P. False when the M does not sleep. */
  handOff(isolate: number, p: number): boolean {
    // Before the offer: whatever the M does next, it can put a new note in. Else one that was woken by a signal, and announces its
    // sleep again while its note is being served, would see the mark and sleep, and nobody would know that it waits.
    store(this.#words, this.#arena.isolate(isolate) + M_WANTS_P, 0);
    return this.#offer(isolate, p);
  }

  #offer(isolate: number, p: number): boolean {
    for (;;) {
      const state = this.#parker.state(isolate);
      if (!takesP(state)) return false;
      // It goes on in a task's code, and does not write its name there.
      if (state === SHELVED) this.#ps.hold(p, isolate);
      if (this.#parker.unpark(isolate, state, given(p, false))) return true;
      // It was given up, and the host has the P that it found in its name.
      if (state === SHELVED && !this.#ps.takeBack(p, isolate)) return true;
    }
  }

  /** By an M that finds nothing in the global queue. Partner: Admission, of the host. */
  tellRoom(): void {
    const words = this.#arena.i32;
    if (load(words, ROOM_WANTED) === 1 && cas(words, ROOM_WANTED, 1, 0)) this.signal(HOST);
  }

  /** "Look at the header": see mailbox.ts. Wakes in any state, without a P. */
  signal(isolate: number): void {
    this.#mailbox.signal(isolate);
    for (;;) {
      const state = this.#parker.state(isolate);
      if (!isAsleep(state) || this.#parker.unpark(isolate, state, AWAKE)) return;
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
      return isParked(state) || (takesP(state) && this.isQueuedForP(isolate));
    });
  }

  /** The lowest number first, so that the same few threads stay warm. */
  #some(holds: (isolate: number) => boolean): boolean {
    return this.#roles.first(holds) !== HOST;
  }
}
