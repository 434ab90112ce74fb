/**
 * An isolate M: a thread with a V8 isolate. It holds a P while it runs Gs, and its loop is Go's schedule(): find
 * something, run it, and when there is nothing give the P up and sleep. README.md has the protocols; this file has
 * the order in which they are used.
 */
import { type Futex, load, store } from "./atomics.ts";
import { type ErrorClass, isPrimitive } from "./codec.ts";
import { G } from "./context.ts";
import { clone, DONE, FAILED, GTable, LOST, openParcel, type Parcel, RUNNING } from "./g_table.ts";
import { GlobalRunQueue } from "./global_run_queue.ts";
import { notRegistered, threadDied, timedOut } from "./errors.ts";
import { EXEMPT_P, Idle, NO_P } from "./idle.ts";
import { LocalRunQueue } from "./local_run_queue.ts";
import { type Addressee, Mailbox, TO_OWNER } from "./mailbox.ts";
import {
  type Arena,
  CLOSING,
  HOST,
  M_LIVE,
  M_MAIL,
  M_P,
  M_PARKS,
  M_RAN,
  M_SPARE,
  M_SPINNING,
  M_STOLEN,
  M_TID,
} from "./memory_layout.ts";
import {
  givenP,
  givenSpinning,
  isGiven,
  KEEPS_P_EVENT_LOOP,
  KEEPS_P_FUTEX,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
  Parker,
  type SleepState,
  SPARE_FUTEX,
} from "./parker.ts";
import { PrivateQueue } from "./private_queue.ts";
import type { SideChannel } from "./side_channel.ts";
import { Spinner } from "./spin.ts";
import { type Call, defaultReason, type Definition, type GoOptions, newChildTask, registry } from "./task.ts";
import {
  type ChildTask,
  exportedClasses,
  requireCall,
  requireGoOptions,
  splitKey,
  watchState,
} from "./task.ts";
import { TaskTable } from "./task_table.ts";
import { type Timer, Timers } from "./timers.ts";
import type { Shim } from "../ffi/shim.ts";
import { type ThreadOptions, wearThreadOptions } from "./thread_options.ts";

/** Go's: so often the global queue comes first, so that two Gs that start each other cannot starve it. */
const GLOBAL_TICK = 61;
/** Go's limit of a batch from the global queue: half a local ring. */
const GLOBAL_BATCH = 128;
/** Guess: private Gs that gather before some are published although no P is idle. */
const HANDFUL = 8;
/** Guess: turns of the microtask queue that the awaits between a child's end and its parent's next step take. */
const MICROTASK_TURNS = 8;
/** Nanoseconds that the event loop may wait for its turn while Gs run. Guess: a 5th of Node's usual timer jitter. */
const EVENT_LOOP_SLICE = 1e6;

/**
 * Milliseconds that an M waits for a G's module or arguments without taking more Gs, which would be bound to it and not
 * start either. Guess: modules load within that, and a host that leaves its mail unread for longer has other worries.
 */
const PATIENCE = 1000;

/** Awaiting it lets the microtasks go first that are due. It makes no promise of its own, as `await null` does. */
const NEXT_TURN = Promise.resolve();

export class Machine {
  readonly tid: number;
  /** Rounds of the loop. */
  tick = 0;

  readonly #isolate: number;
  readonly #words: Int32Array;
  readonly #record: number;
  readonly #arena: Arena;
  readonly #shim: Shim;
  readonly #side: SideChannel;
  readonly #parker: Parker;
  readonly #mailbox: Mailbox;
  readonly #global: GlobalRunQueue;
  readonly #local: LocalRunQueue;
  readonly #idle: Idle;
  readonly #gs: GTable;
  readonly #table: TaskTable;
  readonly #spinner: Spinner;

  readonly #private = new PrivateQueue();
  readonly #timers = new Timers();
  /** Gs that yielded, and whatever else goes on only under a P. */
  readonly #resumes: { fire(): void }[] = [];
  /** Started here, published, and not heard of since: by slot. */
  readonly #published = new Map<number, G>();
  /** Taken from a queue and running here beyond their first await, or waiting for their arguments: by slot. */
  readonly #running = new Map<number, G>();
  readonly #definitions: (Definition | undefined)[] = [];

  #p = NO_P;
  #spinning = false;
  /** Started Gs that have not ended: their continuations are microtasks, and they may await the world outside. */
  #live = 0;
  /** Of these, the ones that wait for their modules or arguments; and when to stop waiting for nothing else. */
  #arriving = 0;
  #patientUntil = 0;
  #current: G | undefined = undefined;
  /** The G that this thread was dedicated to; when it ends, so does the thread. */
  #dedicated: G | undefined = undefined;
  #isEnding = false;
  #over = false;
  #looksAtHeader = false;
  /** Set while the loop sleeps in the event loop: ends that sleep. */
  #endSleep: (() => void) | undefined = undefined;
  #lastTurn = 0;
  /** A G from a queue ran since the last look at the clock. */
  #ranSlot = false;
  #ran = 0;
  #stolen = 0;
  #parks = 0;

  constructor(arena: Arena, isolate: number, shim: Shim, futex: Futex, side: SideChannel) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#isolate = isolate;
    this.#record = arena.isolate(isolate);
    this.#shim = shim;
    this.#side = side;
    this.#parker = new Parker(arena, futex);
    this.#mailbox = new Mailbox(arena);
    this.#global = new GlobalRunQueue(arena);
    this.#local = new LocalRunQueue(arena, this.#global);
    this.#idle = new Idle(arena, this.#parker, this.#global, this.#local, this.#mailbox);
    this.#gs = new GTable(arena, isolate);
    this.#table = new TaskTable(arena);
    this.#spinner = new Spinner(shim);
    this.tid = shim.gettid();
    store(this.#words, this.#record + M_TID, this.tid);
  }

  /** Ends when the scheduler closes, or with the G that the thread was dedicated to. */
  async run(): Promise<void> {
    while (!this.#isOver()) {
      if (this.#p === NO_P) {
        await this.#park();
        continue;
      }
      if (this.#looksAtHeader) this.#lookAtHeader();
      else if (this.#arriving !== 0 && !this.#spinning && performance.now() < this.#patientUntil) {
        await this.#expect();
      } else if (!this.#spinning && this.#step()) {
        if (this.#live !== 0) await NEXT_TURN;
        if (this.#turnIsDue()) await this.#turn();
      } else if (!(await this.#letContinue()) && !(await this.#spin())) {
        // A woken M begins here, as a spinning one: submitters count on it until it has found something.
        await this.#park();
      }
    }
    this.#flushCounts();
    if (this.#p !== NO_P && this.#p !== EXEMPT_P) this.#leaveP();
  }

  /** A dedicated thread's children that found no slot run on it, and keep it until they have. */
  #isOver(): boolean {
    return this.#over || (this.#isEnding && this.#live === 0 && this.#private.length === 0);
  }

  /** What is here already goes on until what is expected has arrived. Sleeps with its P: it works, or so it seems. */
  async #expect(): Promise<void> {
    this.tick++;
    if (
      this.readMail() || this.#resume() || this.#runTimers() || this.#runPrivate(this.#private.popNewest())
    ) {
      await NEXT_TURN;
      // A module loads in the event loop.
      if (this.#turnIsDue()) await this.#turn();
      return;
    }
    await this.#turn();
    this.#parker.announce(this.#isolate, KEEPS_P_EVENT_LOOP);
    if (!this.#hasOwnWork()) {
      const until = Math.min(this.#patientUntil, this.#timers.next);
      await this.#sleepInEventLoop(KEEPS_P_EVENT_LOOP, Math.max(0, until - performance.now()));
    }
    this.#retract(KEEPS_P_EVENT_LOOP);
  }

  /** Runs or resumes one thing. False when there is none. */
  #step(): boolean {
    const tick = ++this.tick;
    let progress = this.readMail();
    // It may be that this P is not counted any more: then it takes no more work.
    if (this.#looksAtHeader) return true;
    if (this.#timers.size !== 0 && (tick & 15) === 0) progress = this.#runTimers() || progress;
    // Every other turn, so that Gs that do nothing but yield keep nobody out.
    if ((tick & 1) === 0 && this.#resume()) return true;
    if (tick % GLOBAL_TICK === 0) {
      this.#flushCounts();
      if (this.#runSlot(this.#takeGlobal(1))) return true;
      // A note in the global queue may have taken the P away.
      if (this.#p === NO_P || this.#runPrivate(this.#private.popOldest())) return true;
    }
    if (this.#private.length > 1) this.#publishSome();
    if (this.#runPrivate(this.#private.popNewest())) return true;
    if (this.#p !== EXEMPT_P) {
      if (this.#runSlot(this.#local.pop(this.#p)) || this.#runSlot(this.#takeGlobal(GLOBAL_BATCH))) {
        return true;
      }
      if (this.#p === NO_P) return true;
    }
    return this.#resume() || (this.#timers.size !== 0 && this.#runTimers()) || progress;
  }

  // Finding work ------------------------------------------------------------------------------------------------------

  /** A fair share of the global queue: one to run now, the rest into the local ring. -1 when there is none. */
  #takeGlobal(most: number): number {
    if (this.#p === EXEMPT_P || this.#global.isEmpty()) return -1;
    const share = Math.floor(this.#global.length / this.#idle.procs) + 1;
    this.#taken = -1;
    this.#global.pop(Math.min(most, share), this.#keep);
    return this.#taken;
  }

  #taken = -1;
  readonly #keep = (entry: number): void => {
    if (entry < 0) this.#handOff(-entry);
    else if (this.#taken < 0) this.#taken = entry;
    else this.#local.push(this.#p, entry);
  };

  /** Another M has something to do that cannot be done elsewhere, and it is its turn: it gets our P. */
  #handOff(isolate: number): void {
    this.#publishAll();
    if (this.#idle.handOff(isolate, this.#p)) this.#setP(NO_P);
  }

  /** Looks into other Ps' rings, then for a while at everything. Whether something was found, and run if it was a slot. */
  async #spin(): Promise<boolean> {
    this.#spinner.start();
    for (let round = 0;; round++) {
      // First: only a thief without work of its own has room in its ring.
      if (this.#hasOwnWork()) {
        this.#foundWork();
        return true;
      }
      if (this.#p !== EXEMPT_P) {
        if (!this.#spinning) {
          if (!this.#idle.startSpinning()) return false;
          this.#setSpinning(true);
        }
        const slot = this.#steal(round);
        if (slot >= 0) {
          this.#stolen++;
          this.#foundWork();
          return this.#runSlot(slot);
        }
        const taken = this.#takeGlobal(GLOBAL_BATCH);
        if (taken >= 0 || this.#p === NO_P) {
          this.#foundWork();
          this.#runSlot(taken);
          return true;
        }
      }
      if (this.#spinner.isOver()) return false;
      if (this.#live === 0) {
        this.#spinner.pause(round);
      } else {
        // In the event loop a G may go on, and for how long? Meanwhile submitters are not to rely on this M.
        this.#foundWork();
        await this.#turn();
      }
    }
  }

  /** Four passes over all counted Ps in Go's manner; runnext in the last one only. Later rounds repeat that one. */
  #steal(round: number): number {
    const procs = this.#idle.procs;
    for (let pass = Math.min(round, 3); pass < 4; pass++) {
      this.#spinner.shuffle(procs);
      for (let i = 0; i < procs; i++) {
        const victim = this.#spinner.nextVictim();
        if (victim === this.#p || this.#local.isEmpty(victim)) continue;
        const slot = this.#local.steal(victim, this.#p, pass === 3);
        if (slot >= 0) return slot;
      }
      if (round > 3) break;
    }
    return -1;
  }

  #foundWork(): void {
    if (!this.#spinning) return;
    this.#setSpinning(false);
    this.#idle.foundWork();
  }

  #hasOwnWork(): boolean {
    return !this.#mailbox.isEmpty(this.#isolate) || this.#resumes.length !== 0 ||
      this.#private.length !== 0 ||
      (this.#timers.size !== 0 && this.#timers.next <= performance.now());
  }

  /**
   * Lets continuations run that are under way: a few turns of the microtask queue, then one of the event loop, which
   * empties it. Whether there is something to do now.
   */
  async #letContinue(): Promise<boolean> {
    if (this.#live === 0 || this.#spinning) return false;
    for (let turn = 0; turn < MICROTASK_TURNS; turn++) {
      await NEXT_TURN;
      if (this.#hasOwnWork()) return true;
    }
    await this.#turn();
    return this.#hasOwnWork();
  }

  /** A look at the clock takes a fifth of a child's start and end, so not each of these has one. */
  #turnIsDue(): boolean {
    if (!this.#ranSlot && (this.tick & 15) !== 0) return false;
    this.#ranSlot = false;
    return this.#shim.nowNs() - this.#lastTurn > EVENT_LOOP_SLICE;
  }

  #turn(): Promise<void> {
    this.#lastTurn = this.#shim.nowNs();
    return new Promise((resolve) => setImmediate(resolve));
  }

  // Sleeping ----------------------------------------------------------------------------------------------------------

  /**
   * Gives the P up and sleeps until it gets one again; a dedicated M keeps its own. The order is the one in README.md,
   * "No wakeup is lost": release, announce, look at everything, sleep.
   */
  async #park(): Promise<void> {
    const keepsP = this.#p === EXEMPT_P;
    if (this.#live === 0 && this.#p !== NO_P) {
      // What ended tasks left behind in the event loop gets its turn, while there is still a P for it.
      await this.#turn();
      if (this.#hasOwnWork()) return;
    }
    if (!keepsP && this.#p !== NO_P) this.#giveUpP();
    if (this.#spinning) {
      this.#setSpinning(false);
      this.#idle.stopSpinning();
    }
    this.#parks++;
    this.#flushCounts();
    while (!this.#isOver()) {
      // Without live Gs nothing goes on because of a mail, so it is read without a P. It may dedicate this thread.
      if (this.#live === 0) this.readMail();
      if (this.#p === EXEMPT_P && !keepsP) return;
      const asleep = this.#sleepState(keepsP);
      this.#parker.announce(this.#isolate, asleep);
      if (load(this.#words, CLOSING) === 1) {
        this.#over = true;
        return;
      }
      if (this.#live === 0 && !this.#mailbox.isEmpty(this.#isolate)) {
        if (this.#retract(asleep)) return;
        continue;
      }
      // Partner: the store in Threads.rouse(), after which the host wakes whoever sleeps as a spare.
      if (asleep === SPARE_FUTEX) {
        if (this.#isSpare()) this.#parker.sleep(this.#isolate, asleep, Infinity);
        this.#retract(asleep);
        continue;
      }
      const own = this.#hasOwnWork();
      if (keepsP && own) {
        this.#retract(asleep);
        return;
      }
      const aPIsIdle = !keepsP && this.#idle.idlePs > 0;
      if (own ? aPIsIdle || !this.#idle.isQueuedForP(this.#isolate) : aPIsIdle && this.#idle.workVisible()) {
        if (this.#retract(asleep)) return;
        const p = this.#idle.acquireP();
        if (p !== NO_P) {
          // As in Go: submitters may have counted on it when it spun, so it goes on as one that spins, and wakes the
          // next if there is more than it takes.
          this.#setP(p);
          this.#idle.spinFurther();
          this.#setSpinning(true);
          return;
        }
        if (own) this.#idle.queueForP(this.#isolate);
        continue;
      }
      // With work of its own and no P, it waits for a P and nothing else.
      const timeout = own ? Infinity : Math.max(0, this.#timers.next - performance.now());
      if (this.#live === 0) this.#parker.sleep(this.#isolate, asleep, timeout);
      else await this.#sleepInEventLoop(asleep, timeout);
      if (this.#retract(asleep) || keepsP) return;
    }
  }

  #sleepState(keepsP: boolean): SleepState {
    if (keepsP) return this.#live === 0 ? KEEPS_P_FUTEX : KEEPS_P_EVENT_LOOP;
    if (this.#live !== 0) return PARKED_EVENT_LOOP;
    return this.#isSpare() ? SPARE_FUTEX : PARKED_FUTEX;
  }

  #isSpare(): boolean {
    return load(this.#words, this.#record + M_SPARE) === 1;
  }

  /** AWAKE again. Whether a P was given meanwhile. */
  #retract(asleep: SleepState): boolean {
    const state = this.#parker.retract(this.#isolate, asleep);
    if (!isGiven(state)) return false;
    this.#setP(givenP(state));
    this.#setSpinning(givenSpinning(state));
    return true;
  }

  async #sleepInEventLoop(asleep: SleepState, timeout: number): Promise<void> {
    const slept = this.#parker.sleepInEventLoop(this.#isolate, asleep, timeout);
    await new Promise<void>((resolve) => {
      this.#endSleep = resolve;
      slept.then(() => resolve());
    });
    this.#endSleep = undefined;
  }

  /** Something was added here while the loop may sleep in the event loop. */
  #kick(): void {
    if (this.#endSleep === undefined) return;
    this.#parker.endSleepInEventLoop(this.#isolate);
    this.#endSleep();
  }

  #giveUpP(): void {
    const p = this.#p;
    this.#setP(NO_P);
    this.#idle.releaseP(p);
  }

  #setP(p: number): void {
    this.#p = p;
    // It was on its way while procs was lowered.
    if (p !== EXEMPT_P && p >= this.#idle.procs) this.#looksAtHeader = true;
    store(this.#words, this.#record + M_P, p + 1);
  }

  #setSpinning(spinning: boolean): void {
    this.#spinning = spinning;
    store(this.#words, this.#record + M_SPINNING, spinning ? 1 : 0);
  }

  /** The header says something new: the scheduler closes, or fewer Ps count. */
  #lookAtHeader(): void {
    this.#looksAtHeader = false;
    if (load(this.#words, CLOSING) === 1) this.#over = true;
    else if (this.#p !== EXEMPT_P && this.#p >= this.#idle.procs) this.#leaveP();
  }

  /** Gives up the P with what is queued there. Others may be able to take both. */
  #leaveP(): void {
    this.#publishAll();
    this.#local.moveToGlobal(this.#p);
    this.#giveUpP();
    this.#idle.wakeIfWork();
  }

  // Mail --------------------------------------------------------------------------------------------------------------

  /** Also called by a G that looks at `shouldYield`: nothing in here runs what a task wrote, but for abort listeners. */
  readMail(): boolean {
    if (load(this.#words, this.#record + M_MAIL) === 0) return false;
    if (this.#mailbox.drain(this.#isolate, this.#read)) this.#looksAtHeader = true;
    return true;
  }

  readonly #read = (slot: number, addressee: Addressee): void => {
    if (addressee === TO_OWNER) this.#readAsOwner(slot);
    else this.#readAsRunner(slot);
  };

  #readAsRunner(slot: number): void {
    this.#gs.clearRunnerMail(slot);
    const g = this.#running.get(slot) ?? (this.#current?.slot === slot ? this.#current : undefined);
    if (g !== undefined) {
      const cancelled = this.#gs.cancelRequest(slot);
      if (cancelled) g.abort(cancelled.reason ?? defaultReason());
      if (g.args === undefined) this.#startWithParcel(g);
    } else if (this.#gs.isMeantFor(slot, this.#isolate)) {
      this.#becomeDedicated(slot);
    } else if (this.#gs.status(slot) === RUNNING && this.#gs.runner(slot) !== this.#isolate) {
      // Meant for an earlier task of this slot, which ended; the present one may have something to hear as well.
      this.#idle.mailRunner(this.#gs.runner(slot), slot);
    }
  }

  /** A task that was published here has ended elsewhere, or was taken out of its queue after it was cancelled. */
  #readAsOwner(slot: number): void {
    const g = this.#published.get(slot)!;
    this.#published.delete(slot);
    const status = this.#gs.status(slot);
    const parcel = this.#gs.isByPort(slot) ? this.#side.take(slot) : undefined;
    if (g.promise!.state === "cancelled" || (status !== DONE && status !== FAILED)) {
      if (status === LOST) {
        this.#settle(
          g,
          false,
          threadDied(g.definition!.name, g.id, "another one than this, which ended"),
        );
      }
      this.#gs.free(slot);
      return;
    }
    if (status === FAILED && parcel === undefined) {
      this.#settleFailed(g, slot);
      return;
    }
    const value = parcel === undefined ? this.#gs.readPayload(slot) : openParcel(parcel);
    this.#gs.free(slot);
    this.#settle(g, status === DONE, value);
  }

  /** An error of a class that only its task's module knows is found there. */
  async #settleFailed(g: G, slot: number): Promise<void> {
    const unknown = this.#gs.unknownErrorClass(slot);
    const classOf = unknown === undefined ? undefined : await exportedClasses(g.definition!.module);
    const error = this.#gs.readPayload(slot, classOf);
    this.#gs.free(slot);
    this.#settle(g, false, error);
  }

  // Running -----------------------------------------------------------------------------------------------------------

  #runPrivate(g: G | undefined): boolean {
    if (g === undefined) return false;
    if (g.promise!.state === "queued") this.#start(g, g.definition!, g.args!);
    return true;
  }

  #runSlot(slot: number): boolean {
    if (slot < 0) return false;
    this.#ranSlot = true;
    const owner = this.#arena.ownerOf(slot);
    if (!this.#gs.startRunning(slot, this.#isolate)) {
      if (owner === this.#isolate) this.#readAsOwner(slot);
      else this.#idle.mailOwner(owner, slot);
      return true;
    }
    // What went by port is with the host, and comes back from there as to any other thread.
    const isOwn = owner === this.#isolate && !this.#gs.isByPort(slot);
    const own = isOwn ? this.#published.get(slot) : undefined;
    if (own !== undefined) {
      // It came back from our own ring: it is private again.
      this.#published.delete(slot);
      this.#gs.free(slot);
      own.slot = -1;
      own.promise!.state = "queued";
      return this.#runPrivate(own);
    }
    this.#receive(new G(this, this.#definition(slot), this.#gs.id(slot), undefined, slot));
    return true;
  }

  /** Gets the arguments. What had to go by port is asked for. */
  #receive(g: G): void {
    if (this.#gs.isByPort(g.slot)) {
      this.#await(g);
      this.#idle.mailOwner(HOST, g.slot);
      return;
    }
    const args = this.#gs.readPayload(g.slot) as unknown[];
    this.#gs.dropPayload(g.slot);
    this.#startLoaded(g, args);
  }

  #startWithParcel(g: G): void {
    const parcel = this.#side.take(g.slot);
    if (parcel === undefined) return;
    g.args = openParcel(parcel) as unknown[];
    const fire = () => {
      this.#arrived(g);
      this.#startLoaded(g, g.args!);
    };
    this.resumeLater({ fire });
  }

  /** Starts it, after importing its module if this thread has not done so. */
  #startLoaded(g: G, received: readonly unknown[]): void {
    let args = received;
    if (g === this.#dedicated) {
      const [options, own] = received as [ThreadOptions, unknown[]];
      args = own;
      try {
        wearThreadOptions(this.#shim, options);
      } catch (error) {
        return this.#end(g, false, error);
      }
    }
    g.args = args;
    if (g.definition !== undefined) return this.#start(g, g.definition, args);
    const number = this.#gs.definition(g.slot);
    const key = this.#table.key(number);
    const [module, name] = splitKey(key);
    this.#await(g);
    import(module).then(
      () => {
        const definition = this.#definitions[number] = registry.definitions.get(key);
        const fire = () => {
          this.#arrived(g);
          if (definition !== undefined) this.#start(g, definition, args);
          else this.#end(g, false, new Error(notRegistered(module, name)));
        };
        this.resumeLater({ fire });
      },
      (cause) => {
        const error = new Error(`${module}, which defines the task "${name}", did not load in a thread`, {
          cause,
        });
        const fire = () => {
          this.#arrived(g);
          this.#end(g, false, error);
        };
        this.resumeLater({ fire });
      },
    );
  }

  #definition(slot: number): Definition | undefined {
    const number = this.#gs.definition(slot);
    return this.#definitions[number] ??= registry.definitions.get(this.#table.key(number));
  }

  /** A G that has not begun and waits for something to arrive. */
  #await(g: G): void {
    if (this.#arriving++ === 0) this.#patientUntil = performance.now() + PATIENCE;
    this.#setLive(this.#live + 1);
    this.#running.set(g.slot, g);
  }

  #arrived(g: G): void {
    this.#arriving--;
    this.#setLive(this.#live - 1);
    this.#running.delete(g.slot);
  }

  #start(g: G, definition: Definition, args: readonly unknown[]): void {
    this.#ran++;
    // Only a runner's G can be the subject of a mail meanwhile.
    if (g.slot >= 0) this.#current = g;
    let result: unknown;
    let isPending: boolean;
    try {
      // A spread call costs 20 ns more.
      result = args.length === 1 ? definition.fn(g, args[0]) : definition.fn(g, ...args);
      // "then" may be a getter of the task's, and throw.
      isPending = isThenable(result);
    } catch (error) {
      this.#current = undefined;
      this.#end(g, false, error);
      return;
    }
    if (g.slot >= 0) this.#current = undefined;
    if (!isPending) {
      this.#end(g, true, result);
      return;
    }
    this.#setLive(this.#live + 1);
    if (g.promise !== undefined) g.promise.state = "running";
    // What a task keeps of its arguments is its own affair.
    g.args = undefined;
    if (g.slot >= 0) this.#running.set(g.slot, g);
    const promise = result instanceof Promise ? result : Promise.resolve(result);
    promise.then(
      (value) => {
        this.#setLive(this.#live - 1);
        this.#end(g, true, value);
      },
      (error) => {
        this.#setLive(this.#live - 1);
        this.#end(g, false, error);
      },
    );
  }

  #end(g: G, ok: boolean, value: unknown): void {
    if (g.slot < 0) this.#settlePrivate(g, ok, value);
    else this.#endSlot(g, ok, value);
    if (g === this.#dedicated) {
      this.#dedicated = undefined;
      this.#isEnding = true;
      this.#kick();
    }
  }

  /** The result is copied, as if it had come from another thread. */
  #settlePrivate(g: G, ok: boolean, value: unknown): void {
    if (isPrimitive(value)) return this.#settle(g, ok, value);
    if (g.promise!.state === "cancelled") return;
    try {
      const errorClass = (value as object).constructor as ErrorClass;
      this.#settle(g, ok, clone(value, ok ? "result" : "error", () => errorClass));
    } catch (error) {
      this.#settle(g, false, error);
    }
  }

  #endSlot(g: G, ok: boolean, value: unknown): void {
    const slot = g.slot;
    this.#running.delete(slot);
    let parcel: Parcel | undefined;
    try {
      parcel = this.#gs.writeResult(slot, value);
      if (parcel !== undefined) this.#side.post(slot, parcel);
    } catch (error) {
      ok = false;
      this.#gs.writeResult(slot, cloneable(error));
      parcel = undefined;
    }
    this.#gs.end(slot, ok ? DONE : FAILED);
    // A parcel for another thread goes through the host.
    this.#idle.mailOwner(parcel !== undefined ? HOST : this.#arena.ownerOf(slot), slot);
  }

  #settle(g: G, ok: boolean, value: unknown): void {
    const promise = g.promise!;
    if (promise.state === "cancelled") return;
    promise.state = ok ? "done" : "failed";
    g.rare?.release?.();
    if (ok) g.resolve(value);
    else g.reject(value);
  }

  // What a G asks for ---------------------------------------------------------------------------------------------------

  spawn(call: Call<unknown>, options: GoOptions | undefined): ChildTask {
    requireCall(call);
    if (options !== undefined) requireGoOptions(options);
    let args = call.args;
    for (let i = 0; i < args.length; i++) {
      if (typeof args[i] === "number") continue;
      args = clone(args, "args") as unknown[];
      break;
    }
    const g = new G(this, call.definition, this.#gs.newId(), args, -1);
    const promise = g.promise = newChildTask(g);
    if (options !== undefined) this.#follow(g, promise, options);
    this.#private.push(g);
    if (this.#private.length > 1 || this.#p === EXEMPT_P) this.#publishSome();
    this.#kick();
    return promise;
  }

  /** Cancels with the signal, and after the timeout. */
  #follow(g: G, promise: ChildTask, { signal, timeout }: GoOptions): void {
    if (signal?.aborted) return promise.cancel(signal.reason);
    const onAbort = () => promise.cancel(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = {
      at: performance.now() + (timeout ?? Infinity),
      cancelled: false,
      fire: () => promise.cancel(timedOut(g.definition!.name, g.id, timeout!)),
    };
    if (timer.at < Infinity) this.startTimer(timer);
    g.release = () => {
      signal?.removeEventListener("abort", onAbort);
      timer.cancelled = true;
    };
  }

  cancel(g: G, reason: unknown): boolean {
    const promise = g.promise!;
    if (promise.state !== "queued" && promise.state !== "running") return false;
    promise.state = "cancelled";
    g.rare?.release?.();
    g.reject(reason);
    if (g.slot < 0) g.abort(reason);
    else if (!this.#gs.cancelQueued(g.slot)) {
      this.#gs.requestCancel(g.slot, reason);
      this.#idle.mailRunner(this.#gs.runner(g.slot), g.slot);
    }
    return true;
  }

  /** Fires it when this M runs Gs the next time and others had their turn. */
  resumeLater(resume: { fire(): void }): void {
    this.#resumes.push(resume);
    this.#kick();
  }

  startTimer(timer: Timer): void {
    this.#timers.add(timer);
    this.#kick();
  }

  #resume(): boolean {
    if (this.#resumes.length === 0) return false;
    this.#resumes.shift()!.fire();
    return true;
  }

  #runTimers(): boolean {
    return this.#timers.run(performance.now());
  }

  // Publishing --------------------------------------------------------------------------------------------------------

  /**
   * Private Gs go to where others find them, all but the newest: at every start of a child, and before one of several
   * is run, since that may take long. If thieves would find nothing, they get half of the older ones when somebody is
   * hungry, else a handful; a P that becomes hungry later finds that. A dedicated thread runs none if it can help it.
   */
  #publishSome(): void {
    if (this.#p === EXEMPT_P || this.#p === NO_P) return this.#publishAll();
    const older = this.#private.length - 1;
    if (this.#idle.isAnyHungry) {
      if (this.#local.isEmpty(this.#p)) this.#publish((older + 1) >> 1);
    } else if (older >= HANDFUL && this.#local.isEmpty(this.#p)) {
      this.#publish(HANDFUL);
    }
  }

  #publishAll(): void {
    if (this.#private.length !== 0) this.#publish(this.#private.length);
  }

  /** The oldest `count`, or as many as there are slots for. The newest of all stays the next to run. */
  #publish(count: number): void {
    for (let i = 0; i < count; i++) {
      const slot = this.#gs.allocate();
      if (slot < 0) break;
      const g = this.#private.popOldest()!;
      if (g.promise!.state !== "queued") {
        this.#gs.free(slot);
        continue;
      }
      this.#gs.prepare(slot, g.id, this.#table.number(g.definition!));
      const parcel = this.#gs.writeArguments(slot, g.args!);
      if (parcel !== undefined) this.#side.post(slot, parcel);
      g.slot = slot;
      watchState(g.promise!, () => this.#gs.status(slot) === RUNNING ? "running" : "queued");
      this.#published.set(slot, g);
      if (this.#p === EXEMPT_P || this.#p === NO_P) this.#global.push(slot);
      else if (this.#private.length === 0) this.#local.pushNext(this.#p, slot);
      else this.#local.push(this.#p, slot);
    }
    this.#idle.wake();
  }

  // Dedicated -----------------------------------------------------------------------------------------------------------

  /** The host chose this spare thread for one task. What it sent are the thread's options and the arguments. */
  #becomeDedicated(slot: number): void {
    if (this.#p !== NO_P) throw new Error("Heddle: a thread that holds a P was dedicated.");
    this.#gs.startRunning(slot, this.#isolate);
    this.#setP(EXEMPT_P);
    const g = new G(this, this.#definition(slot), this.#gs.id(slot), undefined, slot);
    this.#dedicated = g;
    this.#receive(g);
  }

  #setLive(live: number): void {
    this.#live = live;
    // Without live Gs it sleeps in a futex, and is the first to be woken.
    if (live === 0) this.#kick();
  }

  #flushCounts(): void {
    store(this.#words, this.#record + M_RAN, this.#ran);
    store(this.#words, this.#record + M_STOLEN, this.#stolen);
    store(this.#words, this.#record + M_PARKS, this.#parks);
    store(this.#words, this.#record + M_LIVE, this.#live);
  }
}

/** What a copy failed with: a DataCloneError, whose parts are strings, or whatever a getter of the value threw. */
function cloneable(error: unknown): unknown {
  try {
    return clone(error, "error");
  } catch (refusal) {
    return refusal;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as PromiseLike<unknown>).then === "function";
}
