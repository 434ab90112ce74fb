/**
 * An isolate M: a thread with a V8 isolate. It holds a P while it runs Gs, and its loop is Go's schedule(): find
 * something, run it, and when there is nothing give the P up and sleep. The rooms' READMEs have the protocols; this file
 * has the order in which they are used.
 */
import type { Shim } from "../../ffi/shim.ts";
import { load, store } from "../arena/atomics.ts";
import { CLOSING, SLICE_MS, STACKS } from "../arena/layout/header.ts";
import { M_TID } from "../arena/layout/m.ts";
import { EXEMPT_P, NO_P } from "../parking/idle.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import type { Locks } from "../parking/locks.ts";
import type { Shared } from "../parking/shared.ts";
import type { LocalRunQueue } from "../queues/local_run_queue.ts";
import type { PrivateRunQueue } from "../queues/private_run_queue.ts";
import type { SideChannel } from "../slots/side_channel.ts";
import { IsolateBridges } from "../sync/bridges.ts";
import { Isolate } from "../sync/isolate.ts";
import { Journal } from "../tracing/journal.ts";
import { Agenda } from "./agenda.ts";
import { AwaitWatch, type PromiseHooks } from "./await_watch.ts";
import { BlockingCalls } from "./blocking_call.ts";
import { Children } from "./children.ts";
import { EventLoop, MICROTASK_TURNS, NEXT_TURN } from "./event_loop.ts";
import type { G, Services } from "./g.ts";
import { Hold } from "./hold.ts";
import { MailReader } from "./mail_reader.ts";
import { Park } from "./park.ts";
import { PerThreads } from "./per_threads.ts";
import { Runner } from "./runner.ts";
import { LEFT, NOTHING, Search, TURN } from "./search.ts";
import { TaskSignals } from "./task_signal.ts";
import { ThreadLock } from "./thread_lock.ts";
import { WarmUp } from "./warm_up.ts";

/** Go's: so often the global queue comes first, so that two Gs that start each other cannot starve it. */
const GLOBAL_TICK = 61;
/** Guess: of so many turns one leaves user-blocking tasks where they are, so that these cannot starve the ring. */
const RING_TICK = 5;

/** The thread that an M is. */
export interface Thread {
  /** Whether its event loop has nothing to do, as far as Deno knows. Who cannot tell says no. */
  isEventLoopEmpty(): boolean;
  /** V8 tells these of each promise from now on. */
  watchPromises(hooks: PromiseHooks): void;
  /** The M goes on after a sleep. */
  goesOn(): void;
  /** At once. */
  exit(): void;
}

export class Machine {
  readonly hold: Hold;
  readonly agenda: Agenda;
  /** What its tasks share with others. */
  readonly home: Isolate;
  readonly perThreads: PerThreads;
  /** Rounds of the loop. */
  #tick = 0;
  readonly #thread: Thread;
  readonly #words: Int32Array;
  readonly #wakeups: Wakeups;
  readonly #rings: LocalRunQueue;
  readonly #locks: Locks;
  readonly #privates: PrivateRunQueue<G>;
  readonly #eventLoop: EventLoop;
  readonly #children: Children;
  readonly #runner: Runner;
  readonly #mail: MailReader;
  readonly #search: Search;
  readonly #park: Park;

  constructor(shared: Shared, isolate: number, shim: Shim, side: SideChannel, thread: Thread) {
    const { arena, rings, wakeups, words } = shared;
    this.#thread = thread;
    this.#words = words;
    this.#wakeups = wakeups;
    this.#rings = rings;
    const hold = this.hold = new Hold(shared, isolate, shim, () => thread.exit());
    const locks = this.#locks = hold.locks;
    const agenda = this.agenda = new Agenda(shared, hold);
    this.#privates = agenda.privates;
    const home = this.home = new Isolate(shared, isolate, shim, agenda, locks, hold.meter);
    const eventLoop = this.#eventLoop = new EventLoop(home, agenda, shim, () => thread.isEventLoopEmpty());
    // Gs start Gs: who makes them has to have this before it is complete.
    const known = { tid: shim.gettid(), sliceMs: load(words, SLICE_MS), home, agenda };
    const services = known as Partial<Services> as Services;
    const children = this.#children = new Children(agenda, services, side);
    const threadLock = new ThreadLock(agenda, children);
    const runner = this.#runner = new Runner(agenda, services, children, threadLock, side, shim);
    const mail = this.#mail = new MailReader(shared, hold, home, children, runner);
    const signals = new TaskSignals(locks, () => mail.readInTask(), () => load(words, CLOSING) === 1);
    home.handles.bridges = new IsolateBridges(home, signals);
    const calls = new BlockingCalls(shared, hold, children, runner.stopwatch);
    const perThreads = this.perThreads = new PerThreads(arena, { tid: services.tid, number: isolate });
    Object.assign(services, { children, threadLock, runner, mail, signals, calls, perThreads });
    this.#search = new Search(agenda, children, eventLoop, shim);
    const warmUp = new WarmUp(shared, hold, runner.modules, home.table);
    this.#park = new Park(agenda, home, eventLoop, mail, runner, warmUp);
    hold.lookForTracing();
    if (load(words, STACKS) === 1) {
      thread.watchPromises(AwaitWatch.begin(new Journal(arena, isolate), locks, hold.meter));
    }
    // From here on its journal is read.
    store(words, arena.isolate(isolate) + M_TID, services.tid);
  }

  /**
   * Ends when the scheduler closes, or with the G that the thread was dedicated to.
   *
   * Tasks run in each `await` here and below, and only then may the thread be frozen: whoever awaits leaves the scheduler
   * before and enters it after. So does who returns to an `await`.
   */
  async run(): Promise<void> {
    const { hold, agenda } = this;
    const locks = this.#locks;
    const { talk } = this.#runner;
    locks.enter();
    while (!agenda.isOver) {
      if (hold.p === NO_P) {
        talk.rests();
        await this.#park.park();
        locks.enter();
        this.#thread.goesOn();
        talk.worksOn();
        continue;
      }
      if (hold.isHeaderNew) {
        this.#lookAtHeader();
        continue;
      }
      // A woken M begins as a spinning one: submitters count on it until it has found something.
      if (hold.isSpinning || !this.#step()) {
        if (agenda.live !== 0 && !hold.isSpinning) {
          // What is due goes on, unless that makes something to do here before. No function of its own: each child of a
          // task that awaits it comes by here.
          let goesOn = false;
          for (let turn = 0; turn < MICROTASK_TURNS && !goesOn; turn++) {
            locks.leave();
            await NEXT_TURN;
            locks.enter();
            goesOn = agenda.hasWorkHere();
          }
          if (!goesOn) {
            await this.#eventLoop.drain();
            locks.enter();
            goesOn = agenda.hasWorkHere();
          }
          if (goesOn) continue;
        }
        talk.rests();
        let slot = this.#search.spin();
        while (slot === TURN) {
          await this.#eventLoop.turn();
          locks.enter();
          slot = this.#search.spinOn();
        }
        if (slot === NOTHING) {
          await this.#park.park();
          locks.enter();
          this.#thread.goesOn();
          talk.worksOn();
          continue;
        }
        talk.worksOn();
        this.#runner.runSlot(slot);
      }
      if (agenda.live !== 0 && hold.p !== NO_P) {
        locks.leave();
        await NEXT_TURN;
        locks.enter();
      }
      if (this.#isTurnDue()) {
        await this.#eventLoop.turn();
        locks.enter();
      }
    }
    agenda.tellCounts();
    this.home.pollSet?.close();
    if (hold.p !== NO_P && hold.p !== EXEMPT_P) this.#leaveP();
  }

  /** Runs or resumes one thing. False when there is none. */
  #step(): boolean {
    const { hold, agenda } = this;
    const runner = this.#runner;
    const tick = ++this.#tick;
    this.home.refill();
    let progress = this.#mail.read();
    // It may be that this P is not counted any more: then it takes no more work. Or that there is none: a listener of a
    // task's signal was frozen, and all is closing.
    if (hold.isHeaderNew || hold.p === NO_P) return true;
    if (hold.isNew()) {
      // The next turn is the others'.
      if ((tick & 1) === 1) this.#tick++;
      progress = agenda.runTimers() || progress;
      if (agenda.resume() || progress) return true;
    }
    if ((tick & 15) === 0) {
      progress = agenda.runTimers() || progress;
      // Before the children of what is less urgent.
      if (runner.runSlot(this.#search.takeBlocking())) return true;
    }
    // Every other turn, so that Gs that do nothing but yield keep nobody out.
    if ((tick & 1) === 0 && agenda.resume()) return true;
    // A locked M does not take what is in queues: others do, with its P, and it waits its turn among them.
    if (!hold.takesWork && hold.p !== EXEMPT_P && (tick & 15) === 15 && this.#wakeups.workVisible()) {
      hold.giveUp();
      return true;
    }
    if (tick % GLOBAL_TICK === 0) {
      agenda.tellCounts();
      if (runner.runSlot(this.#search.takeStarving(tick / GLOBAL_TICK))) return true;
      // A note in the global queue may have taken the P away.
      if (hold.p === NO_P || runner.runPrivate(this.#privates.popOldest())) return true;
    }
    if (this.#privates.length > 1) this.#children.shareHalf();
    if (runner.runPrivate(this.#privates.popNewest())) return true;
    if (agenda.takesMore) {
      if (tick % RING_TICK !== 0 && runner.runSlot(this.#search.takeBlocking())) return true;
      const local = this.#search.takeLocal();
      if (runner.runSlot(local) || runner.runSlot(this.#search.takeGlobal())) return true;
      if (hold.p === NO_P) return true;
      if (local === LEFT) progress = true;
    }
    return agenda.resume() || agenda.runTimers() || progress;
  }

  /** A look at the clock takes a fifth of a child's start and end, so not each of these has one. */
  #isTurnDue(): boolean {
    return (this.#runner.tookSlot() || (this.#tick & 15) === 0) && this.#eventLoop.isTurnDue;
  }

  /** The header says something new: the scheduler closes, is traced, or fewer Ps count. */
  #lookAtHeader(): void {
    const hold = this.hold;
    hold.isHeaderNew = false;
    hold.lookForTracing();
    if (load(this.#words, CLOSING) === 1) this.agenda.close();
    else if (hold.hasSurplusP) this.#leaveP();
  }

  /** Gives up the P with what is queued there. Others may be able to take both. */
  #leaveP(): void {
    this.#children.publishAll();
    this.#rings.moveToGlobal(this.hold.p);
    this.hold.giveUp();
    this.#wakeups.wakeIfWork();
  }
}
