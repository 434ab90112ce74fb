/**
 * The host's half: it starts tasks and hears how they end. It runs none, and nothing here blocks its event loop.
 */
import { errnoName, loadShim, type Shim } from "../../ffi/shim.ts";
import { cas, load, store } from "../arena/atomics.ts";
import { Burial, diedBy, ranOn, type Verdict } from "./burial.ts";
import { DeadlockWatch } from "./deadlock.ts";
import { SchedulerClosedError } from "../tasks/errors.ts";
import { Forwarder } from "../slots/forwarder.ts";
import { GTable } from "../slots/g_table.ts";
import type { GlobalRunQueue } from "../queues/global_run_queue.ts";
import { HostLoop } from "./host_loop.ts";
import { HostTasks } from "./host_tasks.ts";
import type { Idle } from "../parking/idle.ts";
import { Shared } from "../parking/shared.ts";
import { Isolate } from "../sync/isolate.ts";
import { type Addressee, type Mailbox, TO_WAITER } from "../queues/mailbox.ts";
import {
  Arena,
  CLOSING,
  HOST,
  leastArenaBytes,
  M_PARKS,
  M_RAN,
  M_REFUSALS,
  M_STOLEN,
  M_TID,
  MAX_PROCS,
  OVERSLEPT,
  PREEMPT,
  PREEMPTED,
  PROCS_FIXED,
  PROCS_SEEN,
  RUNAWAY_MS,
  SLICE_MS,
  STALL_MS,
} from "../arena/memory_layout.ts";
import { NativeCalls } from "../native/calls.ts";
import { openPool, requireMaxNativeThreads } from "../native/pool.ts";
import type { NativeQueue } from "../native/queue.ts";
import { isLost, type Parker } from "../parking/parker.ts";
import { POOL, SPARE } from "../parking/roles.ts";
import type { Call, GoOptions, HostTask } from "../tasks/task.ts";
import { shown } from "../tasks/options.ts";
import { procsOfEnvironment, procsOfMachine, requireProcs } from "../sysmon/procs.ts";
import type { SchedulerOptions } from "./scheduler_options.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { Stalls } from "./stall.ts";
import { TaskTable } from "../slots/task_table.ts";
import { type Thread, type ThreadLimits, Threads } from "./threads.ts";
import { requireWarm } from "./warm.ts";
import type { ThreadOptions } from "../tasks/thread_options.ts";

export { openLibrary } from "../native/library.ts";
export { NativeThread } from "../native/thread.ts";

/** Milliseconds that `close()` gives threads to end by themselves. Guess: several times what an idle one takes. */
const GRACE = 100;
/** The same before the process ends, for threads that write what they have counted for `--coverage`. Guess. */
const LAST_GRACE = 5000;
/** Milliseconds that fit a word of the arena. */
const MAX_MS = 2 ** 31 - 1;

export class Host {
  readonly threads: Threads;
  readonly idle: Idle;
  /** What the host's code shares with tasks. */
  readonly home: Isolate;
  readonly #shared: Shared;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #parker: Parker;
  readonly #mailbox: Mailbox;
  readonly #global: GlobalRunQueue;
  readonly #forwarder: Forwarder;
  readonly #tasks: HostTasks;
  readonly #burial: Burial;
  readonly #loop: HostLoop;
  readonly #shim: Shim;
  readonly #maxNativeThreads: number;
  #native: { calls: NativeCalls; pool: NativeQueue } | undefined = undefined;
  readonly #stalls: Stalls | undefined;
  /** Ran and stolen and parked on threads that have ended. */
  readonly #past = { ran: 0, stolen: 0, parks: 0 };
  #closing: Promise<void> | undefined = undefined;

  /** Throws a RangeError for an option that is out of its range. */
  static open(options: SchedulerOptions): Host {
    const shim = loadShim();
    const given = options.procs === undefined ? procsOfEnvironment() : requireProcs(options.procs);
    const procs = given ?? procsOfMachine(shim);
    const maxThreads = requireCount(
      "maxThreads",
      options.maxThreads ?? Math.max(64, 2 * procs),
      procs + 1,
      4 * MAX_PROCS,
      `procs is ${procs}, and one is spare`,
    );
    const maxTasks = requireCount("maxTasks", options.maxTasks ?? 65536, 1, 1 << 21);
    const least = leastArenaBytes(maxTasks, maxThreads);
    const bytes = requireCount(
      "arenaBytes",
      options.arenaBytes ?? Math.max(256 << 20, 2 * least),
      least,
      2 ** 31,
      `maxTasks is ${maxTasks}, maxThreads ${maxThreads}`,
    );
    const heapLimitMb = requireCount("heapLimitMb", options.heapLimitMb ?? 2048, 16, 65536);
    const maxNativeThreads = requireMaxNativeThreads(options.maxNativeThreads ?? 512);
    const { preempt = true, onStall } = options;
    const warm = requireWarm(options.warm);
    const sliceMs = requireCount("sliceMs", options.sliceMs ?? 10, 1, MAX_MS);
    const stallMs = requireCount("stallMs", options.stallMs ?? 100, 1, MAX_MS);
    const runawayMs = options.runawayMs ?? Infinity;
    if (runawayMs !== Infinity) {
      requireCount("runawayMs", runawayMs, 2 * sliceMs, MAX_MS, `sliceMs is ${sliceMs}`);
      if (!preempt) {
        throw new TypeError(
          "runawayMs was given and preempt is false: only what can be frozen can be abandoned.",
        );
      }
    }
    const arena = new Arena({ maxTasks, maxThreads, bytes: Math.ceil(bytes / 4096) * 4096 });
    const limits = { maxThreads, heapLimitMb, warm };
    if (preempt) {
      const result = shim.installPreemption();
      if (result < 0) throw new Error(`The system refused a handler of SIGURG: ${errnoName(result)}.`);
    }
    store(arena.i32, PREEMPT, preempt ? 1 : 0);
    store(arena.i32, SLICE_MS, sliceMs);
    store(arena.i32, STALL_MS, onStall === undefined ? 0 : stallMs);
    store(arena.i32, RUNAWAY_MS, runawayMs === Infinity ? 0 : runawayMs);
    const host = new Host(arena, shim, limits, procs, given === undefined, maxNativeThreads, onStall);
    if (options.detectDeadlocks !== false) host.#watchForDeadlocks();
    return host;
  }

  constructor(
    arena: Arena,
    shim: Shim,
    limits: ThreadLimits,
    procs: number,
    followsProcs: boolean,
    maxNativeThreads: number,
    onStall: SchedulerOptions["onStall"],
  ) {
    this.#arena = arena;
    this.#shim = shim;
    this.#maxNativeThreads = maxNativeThreads;
    this.#words = arena.i32;
    const shared = this.#shared = new Shared(arena, shim);
    this.#parker = shared.parker;
    this.#mailbox = shared.mailbox;
    this.#global = shared.global;
    this.idle = shared.idle;
    this.#loop = new HostLoop(shim, this.#parker, this.#mailbox, () => this.#readMail());
    this.home = new Isolate(shared, HOST, shim, this.#loop);
    this.#stalls = onStall && new Stalls(arena, this.home.heap, onStall);
    this.#loop.refill = () => this.home.refill();
    const { home, idle } = this;
    const gs = new GTable(arena, HOST, home.handles);
    const table = new TaskTable(arena, HOST);
    this.#forwarder = new Forwarder(arena, gs, idle, { get: (isolate) => this.threads.get(isolate) });
    this.#tasks = new HostTasks(gs, table, this.#global, idle, home, this.#forwarder, this.#loop);
    this.#burial = new Burial(home, shared, gs, table, this.#tasks);
    this.threads = new Threads(
      shared,
      shim,
      limits,
      (thread, why) => this.#bury(thread, diedBy(why)),
      (isolate) => this.#burial.revive(isolate),
      () => this.threads.balance(this.idle.procs),
    );
    if (!followsProcs) store(this.#words, PROCS_SEEN, PROCS_FIXED);
    this.idle.setProcs(procs);
    this.threads.balance(procs);
    this.threads.startSysmon();
    // Threads may have something to say before the first task.
    this.#loop.listen();
  }

  #watchForDeadlocks(): void {
    this.#loop.watch = new DeadlockWatch(this.home, this.#shared, this);
  }

  /** For the watch for deadlocks: nothing here starts or cancels a task by itself. */
  get mayBeStuck(): boolean {
    return this.inFlight > 0 && this.nativeCalls === 0 && !this.isClosed &&
      this.#tasks.areAlone;
  }

  get isolates(): number[] {
    return this.threads.all.map(({ isolate }) => isolate);
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Resolves when the pool has its threads. */
  async up(): Promise<void> {
    if (this.threads.refusal !== undefined) throw this.threads.refusal;
    const pool = this.threads.all.filter(({ isolate }) => this.idle.roles.of(isolate) === POOL);
    await this.#loop.holdFor(Promise.all(pool.map((thread) => thread.up)));
  }

  /** Throws a RangeError. */
  setProcs(n: number): void {
    const procs = requireProcs(n);
    const { maxThreads } = this.#arena.shape;
    if (procs >= maxThreads) {
      throw new RangeError(
        `procs is ${procs}: this scheduler has maxThreads ${maxThreads}, of which one is spare.`,
      );
    }
    store(this.#words, PROCS_SEEN, PROCS_FIXED);
    this.#setProcs(procs);
  }

  #setProcs(procs: number): void {
    reserveStack();
    this.idle.setProcs(procs);
    this.threads.balance(procs);
    for (const { isolate } of this.threads.all) this.idle.signal(isolate);
    // Of Ps that do not count any more, sysmon takes those that are in calls.
    this.idle.sysmon.wake();
  }

  // Starting ----------------------------------------------------------------------------------------------------------

  go(call: Call<unknown>, options: GoOptions | undefined): HostTask {
    return this.goOn(undefined, call, options);
  }

  /** On that thread, if one is given: it has been dedicated before. */
  goOn(thread: Thread | undefined, call: Call<unknown>, options: GoOptions | undefined): HostTask {
    if (options?.signal?.aborted) return this.#tasks.neverStarted(call, options);
    if (thread?.isGone) {
      throw new Error("The thread of this locker has died: start another one with scheduler.locker().");
    }
    reserveStack();
    return this.#tasks.start(call, options, thread);
  }

  /** On a thread of its own. */
  dedicate(call: Call<unknown>, options: GoOptions, thread: ThreadOptions): HostTask {
    if (options.signal?.aborted) return this.#tasks.neverStarted(call, options);
    return this.#onOwnThread((slot, own) =>
      this.#tasks.startOnOwn(slot, call, options, [thread, call.args], own)
    )[0];
  }

  /** The same for a task that nobody waits for, so that it does not keep the process alive. */
  hold(call: Call<unknown>, thread: ThreadOptions): [HostTask, Thread] {
    if (this.#arena.shape.maxTasks === 1) {
      throw new RangeError("maxTasks is 1: a locker takes one for itself, and has none left for its tasks.");
    }
    return this.#onOwnThread((slot, own) => this.#tasks.holdOnOwn(slot, call, [thread, call.args], own));
  }

  #onOwnThread(start: (slot: number, own: Thread) => HostTask): [HostTask, Thread] {
    reserveStack();
    const slot = this.#tasks.allocate();
    if (slot < 0) {
      throw new RangeError(
        `All ${this.#arena.shape.maxTasks} task slots are in use (maxTasks): none is left for a thread of its own.`,
      );
    }
    const own = this.threads.forOneTask(this.idle.procs);
    if (own === undefined) {
      this.#tasks.free(slot);
      if (this.threads.refusal !== undefined) throw this.threads.refusal;
      throw new RangeError(
        `All ${this.#arena.shape.maxThreads} threads (maxThreads) are in use, or needed by the pool: none is left.`,
      );
    }
    try {
      return [start(slot, own), own];
    } catch (error) {
      this.idle.roles.set(own.isolate, SPARE);
      throw error;
    } finally {
      this.threads.balance(this.idle.procs);
    }
  }

  // Native calls ------------------------------------------------------------------------------------------------------

  /** Begins with the first library or native thread. */
  get native(): { readonly calls: NativeCalls; readonly pool: NativeQueue } {
    if (this.#native !== undefined) return this.#native;
    const calls = new NativeCalls(this.#arena, this.#shim, this.home.heap, this.#loop);
    const pool = openPool(calls, this.#arena, this.#shim, this.#maxNativeThreads);
    return this.#native = { calls, pool };
  }

  get nativeThreads(): number {
    return this.#native?.calls.threads ?? 0;
  }

  get nativeCalls(): number {
    return this.#native?.calls.inFlight ?? 0;
  }

  // Ending ------------------------------------------------------------------------------------------------------------

  #readMail(): void {
    // All is settled by then. A thread that was terminated in the middle of its code may still mail.
    if (this.isClosed) return;
    if (this.#mailbox.drain(HOST, this.#read)) this.#readHeader();
    this.#tasks.refill();
  }

  /** A P finds no thread, a spare is no spare any more, or the machine has room for another number of Ps. */
  #readHeader(): void {
    const seen = load(this.#words, PROCS_SEEN);
    if (seen > 0 && cas(this.#words, PROCS_SEEN, seen, 0)) {
      this.#setProcs(Math.min(seen, this.#arena.shape.maxThreads - 1));
    }
    const { all } = this.threads;
    for (const thread of all) {
      const { isolate } = thread;
      // It sleeps for good, or runs in code where nothing can make it.
      if (isLost(this.#parker.state(isolate))) this.#bury(thread, ranOn(this.#arena, isolate), true);
    }
    this.#stalls?.look(all.map(({ isolate }) => isolate));
    this.threads.balance(this.idle.procs);
  }

  readonly #read = (slot: number, addressee: Addressee): void => {
    if (addressee === TO_WAITER) this.home.read(slot);
    else this.#tasks.readMail(slot);
  };

  // Threads that end --------------------------------------------------------------------------------------------------

  /** What a thread held goes back, what was bound to it is lost, and the pool gets another one. */
  #bury(thread: Thread, verdict: Verdict, isAbandoned = false): void {
    const { isolate, side } = thread;
    // What it said before it died counts: its mail first, then the parcels that nobody has asked for yet.
    this.#readMail();
    // There it may have been found to be lost.
    if (this.threads.get(isolate) !== thread) return;
    this.#forwarder.inherit(side);
    if (isAbandoned) this.threads.abandon(isolate);
    else this.threads.remove(isolate);
    this.#burial.bury(isolate, verdict);
    const record = this.#arena.isolate(isolate);
    this.#past.ran += load(this.#words, record + M_RAN);
    this.#past.stolen += load(this.#words, record + M_STOLEN);
    this.#past.parks += load(this.#words, record + M_PARKS);
    for (const count of [M_RAN, M_STOLEN, M_PARKS]) store(this.#words, record + count, 0);
    if (this.isClosed) return;
    this.threads.balance(this.idle.procs);
    this.#tasks.refill();
    this.idle.wakeIfWork();
  }

  // Closing -----------------------------------------------------------------------------------------------------------

  close(): Promise<void> {
    reserveStack();
    return this.#closing ??= this.#loop.holdFor(this.#close());
  }

  async #close(): Promise<void> {
    this.#tasks.abandon(() => new SchedulerClosedError("The scheduler was closed before the task ended."));
    const nativeEnded = this.#native?.calls.close();
    this.home.close(() => new SchedulerClosedError("The scheduler was closed."));
    this.#announceEnd();
    const threads = this.threads.all;
    const ended = Promise.all(threads.map((thread) => thread.ended));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = new Promise<void>((resolve) => timer = setTimeout(resolve, GRACE));
    // A native M that is in a call may take for ever, and needs nobody.
    await Promise.race([Promise.all([ended, nativeEnded]), grace]);
    clearTimeout(timer);
    for (const thread of this.threads.all) this.threads.terminate(thread);
    await ended;
    this.#loop.close();
    this.#shim.close();
  }

  /** The process ends next: ends all threads, without a turn of the event loop. One that computes on is not waited for. */
  endThreads(): void {
    const deadline = performance.now() + LAST_GRACE;
    const tid = (isolate: number) => load(this.#words, this.#arena.isolate(isolate) + M_TID);
    const isolates = [HOST, ...this.isolates];
    // One that is starting does not know yet where it would write.
    while (performance.now() < deadline && isolates.some((isolate) => tid(isolate) === 0)) {
      this.#shim.yieldCpu();
    }
    const tids = isolates.map(tid);
    this.#closing ??= Promise.resolve();
    this.#announceEnd();
    this.threads.terminateAll();
    while (performance.now() < deadline && tids.some((tid) => this.#shim.getAffinity(tid).length > 0)) {
      this.#shim.yieldCpu();
    }
  }

  #announceEnd(): void {
    store(this.#words, CLOSING, 1);
    this.threads.close();
    for (const { isolate } of this.threads.all) this.idle.signal(isolate);
    this.idle.sysmon.wake();
  }

  /** The process waits for that, too. */
  threadEnds(thread: Thread): Promise<void> {
    return this.#loop.holdFor(thread.ended);
  }

  // Statistics --------------------------------------------------------------------------------------------------------

  get inFlight(): number {
    return this.#loop.inFlight - this.nativeCalls;
  }

  /** Tasks of the host that have no slot yet, and what is in the global queue. */
  get queued(): number {
    return this.#tasks.waiting + this.#global.length;
  }

  /** Times that a thread was frozen, or lost its P where it could not be. */
  get preempted(): number {
    return load(this.#words, PREEMPTED);
  }

  /** Times that a thread slept beside a task that could go on. */
  get overslept(): number {
    return load(this.#words, OVERSLEPT);
  }

  /** Of threads that are there, how often they could not be frozen. */
  get refusals(): { inScheduler: number; inNative: number } {
    let [inScheduler, inNative] = [0, 0];
    for (const { isolate } of this.threads.all) {
      const counts = this.#arena.isolate(isolate) + M_REFUSALS;
      inScheduler += load(this.#words, counts);
      inNative += load(this.#words, counts + 1);
    }
    return { inScheduler, inNative };
  }

  /** A sum over all threads; those that run add theirs now and then. */
  total(count: "ran" | "stolen" | "parks"): number {
    const word = { ran: M_RAN, stolen: M_STOLEN, parks: M_PARKS }[count];
    return this.threads.all.reduce(
      (sum, { isolate }) => sum + load(this.#words, this.#arena.isolate(isolate) + word),
      this.#past[count],
    );
  }
}

function requireCount(what: string, n: unknown, least: number, most: number, why = ""): number {
  if (typeof n === "number" && Number.isInteger(n) && n >= least && n <= most) return n;
  throw new RangeError(
    `${what} is ${shown(n)}: give an integer from ${least}${why && ` (${why})`} to ${most}.`,
  );
}
