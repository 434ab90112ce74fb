/**
 * An isolate M: a thread with a V8 isolate. It holds a P while it runs Gs, and its loop is Go's schedule(): find
 * something, run it, and when there is nothing give the P up and sleep. The rooms' READMEs have the protocols; this file
 * has the order in which they are used.
 */
import type { Shim } from "../../ffi/shim.ts";
import { add, load, store } from "../arena/atomics.ts";
import { BlockingCalls } from "./blocking_call.ts";
import { Children } from "./children.ts";
import { END, endWaits, REPORT, reportWaits } from "./stuck.ts";
import { EventLoop } from "./event_loop.ts";
import { GTable } from "../slots/g_table.ts";
import { EXEMPT_P, type Idle, NO_P } from "../parking/idle.ts";
import type { Roles } from "../parking/roles.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import type { Shared } from "../parking/shared.ts";
import type { LocalRunQueue } from "../queues/local_run_queue.ts";
import { Isolate } from "../sync/isolate.ts";
import type { Locks } from "../parking/locks.ts";
import { type Addressee, type Mailbox, TO_OWNER, TO_WAITER } from "../queues/mailbox.ts";
import {
  CLOSING,
  M_ASKED,
  M_LIVE,
  M_MAIL,
  M_PARKS,
  M_RAN,
  M_STOLEN,
  M_STUCK,
  M_TID,
  OVERSLEPT,
  SLICE_MS,
} from "../arena/memory_layout.ts";
import type { Parker } from "../parking/parker.ts";
import {
  givenP,
  givenSpinning,
  isGiven,
  isLost,
  KEEPS_P_EVENT_LOOP,
  KEEPS_P_FUTEX,
  LOCKED_EVENT_LOOP,
  LOCKED_FUTEX,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
  SEIZED,
  type SleepState,
  SPARE_FUTEX,
} from "../parking/sleep_word.ts";
import { DEDICATED, POOL, SPARE } from "../parking/roles.ts";
import { Runner } from "./runner.ts";
import { Search } from "./search.ts";
import type { SideChannel } from "../slots/side_channel.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { TaskSignals } from "./task_signal.ts";
import { TaskTable } from "../slots/task_table.ts";
import { ThreadLock } from "./thread_lock.ts";
import { type Timer, Timers } from "../queues/timers.ts";

/** Go's: so often the global queue comes first, so that two Gs that start each other cannot starve it. */
const GLOBAL_TICK = 61;
/** Guess: turns of the microtask queue that the awaits between a child's end and its parent's next step take. */
const MICROTASK_TURNS = 8;
/** Milliseconds that a thread more than the pool needs sleeps before it ends. Guess; a thread takes 14 MB. */
const RETIRE = 5_000;
/** Milliseconds that a sleep in the event loop ends ahead of a timer: the rest is slept in the futex, which is exact. */
const AHEAD = 2;

/** Awaiting it lets the microtasks go first that are due. It makes no promise of its own, as `await null` does. */
const NEXT_TURN = Promise.resolve();

export class Machine {
  readonly tid: number;
  /** Milliseconds that a G may compute before it should yield. */
  readonly sliceMs: number;
  /** Rounds of the loop. */
  tick = 0;
  /** Gs in `ctx.sleep`. */
  sleeping = 0;
  /** Begun Gs with children that have not settled. They may well await these, which nobody can see. */
  parents = 0;
  /** Ends the thread, which was given up for lost and has come back. */
  exit: () => void = () => {};

  readonly eventLoop: EventLoop;
  readonly search: Search;
  readonly children: Children;
  readonly runner: Runner;
  readonly blockingCalls: BlockingCalls;
  readonly threadLock: ThreadLock;
  readonly signals = new TaskSignals(() => this.readMailInTask());
  /** What its tasks share with others. */
  readonly home: Isolate;
  readonly #locks: Locks;
  readonly #isolate: number;
  readonly #words: Int32Array;
  readonly #record: number;
  readonly #parker: Parker;
  readonly #mailbox: Mailbox;
  readonly #local: LocalRunQueue;
  readonly #idle: Idle;
  readonly #wakeups: Wakeups;
  readonly #roles: Roles;

  readonly #timers = new Timers();
  /** Gs that yielded, and whatever else goes on only under a P. */
  readonly #resumes: { fire(): void }[] = [];

  /** The P that it holds, or NO_P, also while it is in a blocking call. */
  p = NO_P;
  /** Whether it takes Gs from queues: thread_lock.ts. */
  takesWork = true;
  /** In the event loop, until it retracts: a continuation may run between the end of the sleep and that. */
  isAsleep = false;
  #asleep: SleepState = PARKED_EVENT_LOOP;
  /** It has just got its P, perhaps in its turn among those that wait: what is due here comes first. */
  #isFresh = false;
  #over = false;
  #looksAtHeader = false;
  /** Set while the loop sleeps in the event loop: ends that sleep. */
  #endSleep: (() => void) | undefined = undefined;
  #parks = 0;

  constructor(shared: Shared, isolate: number, shim: Shim, side: SideChannel) {
    const { arena, global } = shared;
    this.#words = arena.i32;
    this.#isolate = isolate;
    this.#record = arena.isolate(isolate);
    this.#parker = shared.parker;
    this.#mailbox = shared.mailbox;
    this.#local = shared.rings;
    this.#idle = shared.idle;
    this.#wakeups = shared.wakeups;
    this.#roles = shared.roles;
    this.home = new Isolate(shared, isolate, shim, this);
    this.#locks = this.home.locks;
    this.#locks.takeUp = (given) => this.#takeUp(given);
    this.eventLoop = new EventLoop(shim);
    this.search = new Search(
      this,
      isolate,
      arena,
      shim,
      shared,
      global,
      this.#local,
      this.#locks,
    );
    const gs = new GTable(arena, isolate, this.home.handles);
    const table = new TaskTable(arena, isolate);
    this.children = new Children(this, gs, table, side, shared, this.#local, global);
    this.runner = new Runner(this, isolate, arena, shim, gs, table, side, shared, this.children);
    this.blockingCalls = new BlockingCalls(
      this,
      isolate,
      arena,
      this.#parker,
      shared,
      this.children,
      shim,
    );
    const { maxThreads } = arena.shape;
    this.threadLock = new ThreadLock(
      this,
      isolate,
      maxThreads,
      shared,
      this.children,
      this.blockingCalls,
    );
    this.sliceMs = load(this.#words, SLICE_MS);
    this.tid = shim.gettid();
    store(this.#words, this.#record + M_TID, this.tid);
  }

  /**
   * Ends when the scheduler closes, or with the G that the thread was dedicated to.
   *
   * Tasks run in each `await` here and below, and only then may the thread be frozen: whoever awaits leaves the scheduler
   * before and enters it after. So does who returns to an `await`.
   */
  async run(): Promise<void> {
    this.#locks.enter();
    while (!this.#isOver()) {
      if (this.p === NO_P) {
        await this.#park();
        this.#locks.enter();
        continue;
      }
      if (this.#looksAtHeader) this.#lookAtHeader();
      else if (
        this.runner.patientUntil !== 0 && !this.search.isSpinning &&
        performance.now() < this.runner.patientUntil
      ) {
        await this.#expect();
        this.#locks.enter();
      } else if (!this.search.isSpinning && this.#step()) {
        if (this.runner.live !== 0 && this.p !== NO_P) {
          this.#locks.leave();
          await NEXT_TURN;
          this.#locks.enter();
        }
        if (this.#turnIsDue()) {
          await this.turn();
          this.#locks.enter();
        }
      } else {
        const goesOn = await this.#letContinue();
        this.#locks.enter();
        const hasFound = goesOn || (await this.search.spin());
        this.#locks.enter();
        // A woken M begins here, as a spinning one: submitters count on it until it has found something.
        if (!hasFound) await this.#park();
        this.#locks.enter();
      }
    }
    this.#flushCounts();
    if (this.p !== NO_P && this.p !== EXEMPT_P) this.#leaveP();
  }

  /** What else is bound to the thread goes on, as do children that found no slot. */
  #isOver(): boolean {
    return this.#over ||
      (this.threadLock.isEnding && this.runner.live === 0 && this.children.waiting.length === 0);
  }

  /** What is here already goes on until what is expected has arrived. Sleeps with its P: it works, or so it seems. */
  async #expect(): Promise<void> {
    try {
      this.tick++;
      this.#isFresh = false;
      this.home.refill();
      if (
        this.readMail() || this.#resume() || this.#runTimers() ||
        this.runner.runPrivate(this.children.waiting.popNewest())
      ) {
        this.#locks.leave();
        await NEXT_TURN;
        this.#locks.enter();
        // A module loads in the event loop.
        if (this.#turnIsDue()) await this.turn();
        return;
      }
      await this.turn();
      this.#locks.enter();
      this.#announce(KEEPS_P_EVENT_LOOP);
      if (!this.hasOwnWork()) {
        const until = Math.min(this.runner.patientUntil, this.#timers.next);
        await this.#sleepInEventLoop(KEEPS_P_EVENT_LOOP, Math.max(0, until - performance.now()));
        this.#locks.enter();
      }
      this.retract(KEEPS_P_EVENT_LOOP);
    } finally {
      this.#locks.leave();
    }
  }

  /** Runs or resumes one thing. False when there is none. */
  #step(): boolean {
    const tick = ++this.tick;
    this.home.refill();
    let progress = this.readMail();
    // It may be that this P is not counted any more: then it takes no more work. Or that there is none: a listener of a
    // task's signal was frozen, and all is closing.
    if (this.#looksAtHeader || this.p === NO_P) return true;
    if (this.#isFresh) {
      this.#isFresh = false;
      // The next turn is the others'.
      if ((tick & 1) === 1) this.tick++;
      if (this.#timers.size !== 0) progress = this.#runTimers() || progress;
      if (this.#resume() || progress) return true;
    }
    if (this.#timers.size !== 0 && (tick & 15) === 0) progress = this.#runTimers() || progress;
    // Every other turn, so that Gs that do nothing but yield keep nobody out.
    if ((tick & 1) === 0 && this.#resume()) return true;
    // A locked M does not take what is in queues: others do, with its P, and it waits its turn among them.
    if (!this.takesWork && this.p !== EXEMPT_P && (tick & 15) === 15 && this.#wakeups.workVisible()) {
      this.#giveUpP();
      return true;
    }
    if (tick % GLOBAL_TICK === 0) {
      this.#flushCounts();
      if (this.runner.runSlot(this.search.takeGlobal(1))) return true;
      // A note in the global queue may have taken the P away.
      if (this.p === NO_P || this.runner.runPrivate(this.children.waiting.popOldest())) return true;
    }
    if (this.children.waiting.length > 1) this.children.shareHalf();
    if (this.runner.runPrivate(this.children.waiting.popNewest())) return true;
    if (this.takesWork) {
      if (
        this.runner.runSlot(this.#local.pop(this.p)) ||
        this.runner.runSlot(this.search.takeGlobal())
      ) {
        return true;
      }
      if (this.p === NO_P) return true;
    }
    return this.#resume() || (this.#timers.size !== 0 && this.#runTimers()) || progress;
  }

  // What there is to do -----------------------------------------------------------------------------------------------

  /** Another M has something to do that cannot be done elsewhere, and it is its turn: it gets our P. */
  handOff(isolate: number): void {
    this.children.publishAll();
    const { p } = this;
    // From its status on the P is the other's.
    this.#idle.ps.pass(p);
    if (this.#wakeups.handOff(isolate, p)) this.#lostP();
    else this.#idle.ps.hold(p, this.#isolate);
  }

  /** Something that cannot go on elsewhere. */
  hasOwnWork(): boolean {
    return !this.#mailbox.isEmpty(this.#isolate) || this.#resumes.length !== 0 ||
      this.children.waiting.length !== 0 ||
      (this.#timers.size !== 0 && this.#timers.next <= performance.now());
  }

  /**
   * That, or in its ring: a continuation that the event loop ran may have published there, or come back from a call with
   * another P; or with none, when all is closing.
   */
  hasWorkHere(): boolean {
    return this.hasOwnWork() || this.p === NO_P || (this.takesWork && !this.#local.isEmpty(this.p));
  }

  /** Lets all continuations go on that are due, unless that makes something to do here before. Whether there is. */
  async #letContinue(): Promise<boolean> {
    try {
      if (this.runner.live === 0 || this.search.isSpinning) return false;
      for (let turn = 0; turn < MICROTASK_TURNS; turn++) {
        this.#locks.leave();
        await NEXT_TURN;
        this.#locks.enter();
        if (this.hasWorkHere()) return true;
      }
      this.#locks.leave();
      await this.eventLoop.drain();
      this.#locks.enter();
      return this.hasWorkHere();
    } finally {
      this.#locks.leave();
    }
  }

  /** Whether all its Gs wait for operations, timers and children of ours, as far as one can see. */
  get waitsForOurs(): boolean {
    return this.home.parked + this.sleeping + this.parents >= this.runner.live;
  }

  /**
   * Milliseconds for which the event loop may stand still, if the microtask queue is empty; 0: not at all. A G counts for each
   * thing that it waits for, so another one may hide behind it: then what that waits for comes so much later, unless
   * Deno counts it.
   */
  #patience(): number {
    if (this.runner.live === 0) return Infinity;
    if (!this.waitsForOurs) return 0;
    const isTimerDueSoon = this.#timers.size !== 0 && this.#timers.next - performance.now() <= AHEAD;
    return this.eventLoop.patience(this.home.parked + this.sleeping >= this.runner.live, isTimerDueSoon);
  }

  /** A look at the clock takes a fifth of a child's start and end, so not each of these has one. */
  #turnIsDue(): boolean {
    if (!this.runner.tookSlot && (this.tick & 15) !== 0) return false;
    this.runner.tookSlot = false;
    return this.eventLoop.isTurnDue;
  }

  /** The caller awaits it, and enters again. */
  turn(): Promise<void> {
    this.#locks.leave();
    return this.eventLoop.turn();
  }

  // Sleeping ----------------------------------------------------------------------------------------------------------

  /**
   * Gives the P up and sleeps until it gets one again; a dedicated M keeps its own. The order is the one in
   * parking/README.md, "No wakeup is lost": release, announce, look at everything, sleep.
   */
  async #park(): Promise<void> {
    try {
      // At the start of a macrotask, and nothing in here has made a continuation due since: machine/README.md, "Standing still".
      let isQuiet = false;
      if (this.p !== NO_P) {
        // What is due in the event loop gets its turn while there is still a P for it. Nobody is to rely on this M meanwhile.
        this.search.end();
        await this.turn();
        this.#locks.enter();
        if (this.hasWorkHere()) return;
        isQuiet = true;
      }
      const keepsP = this.p === EXEMPT_P;
      if (!keepsP && this.p !== NO_P) this.#giveUpP();
      if (this.search.isSpinning) {
        this.search.setSpinning(false);
        this.#idle.stopSpinning();
      }
      this.#parks++;
      this.#flushCounts();
      while (!this.#isOver()) {
        if (!isQuiet) {
          const isGivenP = await this.#turnAsleep(keepsP);
          this.#locks.enter();
          if (isGivenP) return;
          isQuiet = true;
          // Its last G may have ended there, or the one that the thread ends with. Partner: the host's look for deadlocks.
          this.#flushCounts();
          if (this.#isOver()) return;
        }
        // A continuation may have dedicated the thread, or given it back.
        if (this.p !== (keepsP ? EXEMPT_P : NO_P)) return;
        // Without live Gs nothing goes on because of a mail, so it is read without a P. It may dedicate this thread.
        if (this.runner.live === 0 && this.readMail()) {
          isQuiet = false;
          continue;
        }
        const patience = this.#patience();
        const standsStill = patience > 0;
        const asleep = this.#sleepState(keepsP, standsStill);
        this.#announce(asleep);
        if (load(this.#words, CLOSING) === 1) {
          this.#over = true;
          return;
        }
        if (this.runner.live === 0 && !this.#mailbox.isEmpty(this.#isolate)) {
          if (this.retract(asleep)) return;
          continue;
        }
        // Partner: the claim, after which the claimer wakes whoever sleeps as a spare.
        if (asleep === SPARE_FUTEX) {
          if (this.#isSpare()) this.#parker.sleep(this.#isolate, asleep, Infinity);
          if (this.retract(asleep)) return;
          continue;
        }
        const own = this.hasOwnWork();
        if (keepsP && own) {
          this.retract(asleep);
          return;
        }
        const aPIsIdle = !keepsP && this.#idle.idlePs > 0;
        const seesWork = this.takesWork && aPIsIdle && this.#wakeups.workVisible();
        if (own ? aPIsIdle || !this.#wakeups.isQueuedForP(this.#isolate) : seesWork) {
          if (this.retract(asleep)) return;
          const p = this.#idle.acquireP();
          if (p !== NO_P) {
            // As in Go: submitters may have counted on it when it spun, so it goes on as one that spins, and wakes the
            // next if there is more than it takes.
            this.holdP(p);
            if (!this.takesWork) return;
            // A continuation may run before the loop goes on: submitters are not to count on this M.
            if (this.runner.live !== 0) return this.#wakeups.wakeIfWork();
            this.#idle.spinFurther();
            this.search.setSpinning(true);
            return;
          }
          if (own) this.#wakeups.queueForP(this.#isolate);
          continue;
        }
        // With work of its own and no P, it waits for a P and nothing else.
        const timeout = own ? Infinity : Math.max(0, this.#timers.next - performance.now());
        let isPastUse = false;
        let isImpatient = false;
        if (!standsStill) {
          // Partner: the host's look at it, while this M sleeps.
          const isStuck = this.#timers.size === 0 && !own && this.eventLoop.isEmpty();
          store(this.#words, this.#record + M_STUCK, isStuck ? 1 : 0);
          // If it could not stand still afterwards, to wake ahead of time would be of no use.
          const ahead = this.waitsForOurs ? AHEAD : 0;
          await this.#sleepInEventLoop(asleep, Math.max(0, timeout - ahead));
          this.#locks.enter();
          isQuiet = false;
          if (isStuck) store(this.#words, this.#record + M_STUCK, 0);
          this.#answerHost();
        } else if (this.runner.live === 0) {
          isPastUse = this.#sleepInFutex(asleep, timeout);
        } else {
          const isOver = this.#parker.sleep(this.#isolate, asleep, Math.min(timeout, patience));
          isImpatient = isOver && patience < timeout;
        }
        if (this.retract(asleep)) return;
        if (isPastUse && this.#roles.resign(this.#isolate, this.#idle.procs)) this.#over = true;
        if (isImpatient) {
          await this.#checkQuiet();
          this.#locks.enter();
        }
      }
    } finally {
      this.search.leave();
    }
  }

  /**
   * A turn of the event loop without a P. What runs there may take long: meanwhile the M counts as one that sleeps in its
   * event loop. Whether a P was given meanwhile. One without live Gs may be a spare, which nobody is to give one.
   */
  async #turnAsleep(keepsP: boolean): Promise<boolean> {
    try {
      const asleep = this.runner.live === 0 ? undefined : this.#sleepState(keepsP, false);
      if (asleep !== undefined) {
        this.#announce(asleep);
        this.isAsleep = true;
        this.#asleep = asleep;
      }
      await this.turn();
      this.#locks.enter();
      return asleep !== undefined && this.retract(asleep);
    } finally {
      this.#locks.leave();
    }
  }

  /** Whether it slept for long, and the pool had more threads than it needs: those that blocked calls left behind. */
  #sleepInFutex(asleep: SleepState, timeout: number): boolean {
    // Those that have no P just now are back sooner or later. The first to wake is the lowest, so that of the coldest is over first.
    const isSurplus = asleep === PARKED_FUTEX && this.#roles.count(POOL) > this.#idle.procs;
    const patience = isSurplus ? RETIRE : Infinity;
    return this.#parker.sleep(this.#isolate, asleep, Math.min(timeout, patience)) && patience <= timeout;
  }

  /** The end of its patience has ended its sleep: no continuation may have waited for that. See `stats().overslept`. */
  async #checkQuiet(): Promise<void> {
    const before = this.#progress;
    this.#locks.leave();
    // No tick: the event loop would not seem to be empty afterwards.
    for (let turn = 0; turn < MICROTASK_TURNS; turn++) await NEXT_TURN;
    this.#locks.enter();
    if (this.#progress !== before) add(this.#words, OVERSLEPT, 1);
    this.#locks.leave();
  }

  /** Changes with nearly all that a continuation may do. */
  get #progress(): string {
    const { children, home, parents, runner, sleeping } = this;
    return [
      home.parked,
      sleeping,
      parents,
      runner.live,
      runner.ran,
      children.waiting.length,
      this.#resumes.length,
    ]
      .join();
  }

  /** The host believes that this is a deadlock: see deadlock.ts. */
  #answerHost(): void {
    const asked = load(this.#words, this.#record + M_ASKED);
    if (asked === 0) return;
    store(this.#words, this.#record + M_ASKED, 0);
    if (asked === REPORT) reportWaits(this.home, this.runner.names);
    if (asked === END) endWaits(this.home);
  }

  #sleepState(keepsP: boolean, standsStill: boolean): SleepState {
    if (keepsP) return standsStill ? KEEPS_P_FUTEX : KEEPS_P_EVENT_LOOP;
    if (!this.takesWork) return standsStill ? LOCKED_FUTEX : LOCKED_EVENT_LOOP;
    if (!standsStill) return PARKED_EVENT_LOOP;
    if (this.runner.live !== 0) return PARKED_FUTEX;
    return this.#isSpare() ? SPARE_FUTEX : PARKED_FUTEX;
  }

  /** Or meant for one task alone, which its mail will tell. */
  #isSpare(): boolean {
    const role = this.#roles.of(this.#isolate);
    return role === SPARE || role === DEDICATED;
  }

  #announce(asleep: SleepState): void {
    while (!this.#parker.announce(this.#isolate, asleep)) this.blockingCalls.awaitSignal();
  }

  /** AWAKE again. Whether a P was given meanwhile. */
  retract(asleep: SleepState): boolean {
    this.isAsleep = false;
    const state = this.#parker.retract(this.#isolate, asleep);
    if (!isGiven(state)) return false;
    this.holdP(givenP(state));
    this.search.setSpinning(givenSpinning(state));
    return true;
  }

  async #sleepInEventLoop(asleep: SleepState, timeout: number): Promise<void> {
    this.isAsleep = true;
    this.#asleep = asleep;
    const slept = this.#parker.sleepInEventLoop(this.#isolate, asleep, timeout);
    this.#locks.leave();
    await new Promise<void>((resolve) => {
      this.#endSleep = resolve;
      slept.then(() => resolve());
    });
    this.#endSleep = undefined;
    this.eventLoop.hadTurn();
  }

  /** For the operations of its tasks. */
  get mayRun(): boolean {
    return this.p !== NO_P;
  }

  /** Something was added here while the loop may sleep in the event loop. */
  kick(): void {
    if (this.#endSleep === undefined) return;
    this.#parker.endSleepInEventLoop(this.#isolate);
    this.#endSleep();
  }

  /** The sleep is over because the event loop runs a continuation that is about to block, not because it was woken. */
  stayAwake(): void {
    if (!this.isAsleep) return;
    this.retract(this.#asleep);
    this.kick();
  }

  #giveUpP(): void {
    const { p } = this;
    // A locked M has not looked at the ring.
    if (this.takesWork) this.#idle.releaseP(p);
    else this.#wakeups.passOn(p);
    this.#lostP();
  }

  /** The P's status says so. Partner: Preemption.#ask. Nobody would find an M that was frozen without a P. */
  #lostP(): void {
    this.p = NO_P;
    this.blockingCalls.awaitSignal();
  }

  /** It was given the P, or has acquired it. */
  holdP(p: number): void {
    this.p = p;
    this.#isFresh = true;
    this.#locks.beginTurn();
    this.#idle.ps.hold(p, this.#isolate);
    // It was on its way while procs was lowered.
    if (p >= this.#idle.procs) this.#looksAtHeader = true;
  }

  /** The thread was frozen, and has another P; or it has lost its P where it could not be frozen. */
  #takeUp(given: number): void {
    if (given !== SEIZED) {
      this.p = givenP(given);
      if (this.p >= this.#idle.procs) this.#looksAtHeader = true;
      return;
    }
    if (this.#parker.keep(this.#isolate)) {
      this.p = this.#idle.ps.heldBy(this.#isolate);
      if (this.p >= this.#idle.procs) this.#looksAtHeader = true;
      return;
    }
    // Who was asked again waits for that signal, as who parks does. The handler refuses: this is the scheduler.
    while (!this.#parker.endSeizure(this.#isolate)) {
      if (isLost(this.#parker.state(this.#isolate))) {
        this.exit();
        break;
      }
      this.blockingCalls.awaitSignal();
    }
    this.p = NO_P;
    this.blockingCalls.comeBack(0);
  }

  /** The header says something new: the scheduler closes, or fewer Ps count. */
  #lookAtHeader(): void {
    this.#looksAtHeader = false;
    if (load(this.#words, CLOSING) === 1) this.#over = true;
    else if (this.p !== EXEMPT_P && this.p >= this.#idle.procs) this.#leaveP();
  }

  /** Gives up the P with what is queued there. Others may be able to take both. */
  #leaveP(): void {
    this.children.publishAll();
    this.#local.moveToGlobal(this.p);
    this.#giveUpP();
    this.#wakeups.wakeIfWork();
  }

  // Mail --------------------------------------------------------------------------------------------------------------

  /** By a G that looks at `shouldYield` or its signal: nothing in here runs what a task wrote, but for abort listeners. */
  readMailInTask(): void {
    if (load(this.#words, this.#record + M_MAIL) === 0) return;
    reserveStack();
    this.#locks.hold();
    try {
      this.readMail();
    } finally {
      this.#locks.release();
    }
  }

  readMail(): boolean {
    if (load(this.#words, this.#record + M_MAIL) === 0) return false;
    if (this.#mailbox.drain(this.#isolate, this.#read)) this.#looksAtHeader = true;
    return true;
  }

  readonly #read = (slot: number, addressee: Addressee): void => {
    if (addressee === TO_WAITER) this.home.read(slot);
    else if (addressee === TO_OWNER) this.children.read(slot);
    else this.runner.read(slot);
  };

  // What a G asks for ---------------------------------------------------------------------------------------------------

  /** Fires it when this M runs Gs the next time and others had their turn. */
  resumeLater(resume: { fire(): void }): void {
    this.#resumes.push(resume);
    this.kick();
  }

  startTimer(timer: Timer): void {
    this.#timers.add(timer);
    this.kick();
  }

  stopTimer(timer: Timer): void {
    this.#timers.remove(timer);
  }

  /** Mail is looked at anyway. */
  listen(): void {}

  #resume(): boolean {
    if (this.#resumes.length === 0) return false;
    this.#resumes.shift()!.fire();
    return true;
  }

  #runTimers(): boolean {
    return this.#timers.run(performance.now());
  }

  #flushCounts(): void {
    store(this.#words, this.#record + M_RAN, this.runner.ran);
    store(this.#words, this.#record + M_STOLEN, this.search.stolen);
    store(this.#words, this.#record + M_PARKS, this.#parks);
    store(this.#words, this.#record + M_LIVE, this.runner.live);
  }
}
