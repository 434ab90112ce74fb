/**
 * The host's half: it starts tasks and hears how they end. It runs none, and nothing here blocks its event loop.
 */
import { type Capabilities, requireCapability } from "../../ffi/capabilities.ts";
import type { Shim } from "../../ffi/shim.ts";
import { openTier } from "../../ffi/tier.ts";
import { cas, load, store } from "../arena/atomics.ts";
import { Admission } from "./admission.ts";
import { Burial, diedBy, ranOn, type Verdict } from "./burial.ts";
import { DeadlockWatch } from "./deadlock.ts";
import type { Dump } from "./dump.ts";
import { DumpSignal } from "./dump_signal.ts";
import { Dumper } from "./dumper.ts";
import { SchedulerClosedError } from "../tasks/errors.ts";
import { Forwarder } from "../slots/forwarder.ts";
import { HostLoop } from "./host_loop.ts";
import { HostTasks, ViewLine } from "./host_tasks.ts";
import { Shared } from "../parking/shared.ts";
import { IsolateBridges } from "../sync/bridges.ts";
import { Isolate } from "../sync/isolate.ts";
import { type Addressee, REPORT, TO_WAITER } from "../queues/mailbox.ts";
import { within } from "../queues/timers.ts";
import { Arena } from "../arena/arena.ts";
import {
  CLOSING,
  PREEMPT,
  PROCS_FIXED,
  PROCS_SEEN,
  RUNAWAY_MS,
  SLICE_MS,
  STACKS,
  STALL_MS,
} from "../arena/layout/header.ts";
import { HOST, M_TID } from "../arena/layout/m.ts";
import { NativeCalls } from "../native/calls.ts";
import { openPool } from "../native/pool.ts";
import { CLOSING_LIMIT } from "../machine/per_threads.ts";
import type { NativeQueue } from "../native/queue.ts";
import { isLost } from "../parking/sleep_word.ts";
import { SPARE } from "../parking/roles.ts";
import type { Call, GoOptions } from "../tasks/call.ts";
import { type Priority, priorityNumber } from "../tasks/priority.ts";
import { type HostTask, silence } from "../tasks/promise.ts";
import { requireProcs } from "../sysmon/procs.ts";
import { type SchedulerOptions, type Settings, settingsOf } from "./scheduler_options.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { Stalls } from "./stall.ts";
import { SchedTrace, type Tracing, tracingOfEnvironment } from "./schedtrace.ts";
import { type Metrics, MetricsReader } from "./metrics.ts";
import {
  requireTraceOptions,
  traceOfEnvironment,
  type TraceOptions,
  TraceWriter,
  UNFINISHED,
} from "./trace.ts";
import type { DrainStart } from "./trace_drain.ts";
import { type SchedulerStats, Statistics } from "./statistics.ts";
import { type Thread, Threads } from "./threads.ts";
import type { ThreadOptions } from "../tasks/thread_options.ts";
import { Unwatched } from "./unwatched.ts";

export { openLibrary } from "../native/library.ts";
export { Inspection } from "./inspection.ts";
export { NativeThread } from "../native/thread.ts";

/**
 * Milliseconds that `close()` gives threads to end by themselves: guess, several times what an idle one takes. Those that have
 * something to close get `CLOSING_LIMIT` more.
 */
const GRACE = 100;
/** The same before the process ends, for threads that write what they have counted for `--coverage`. Guess. */
const LAST_GRACE = 5000;

export class Host {
  readonly threads: Threads;
  /** What the host's code shares with tasks. */
  readonly home: Isolate;
  readonly shared: Shared;
  readonly #shim: Shim;
  /** Its address, which cannot be asked for any more when the permission has been revoked. */
  readonly #poller: number;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #forwarder: Forwarder;
  readonly #tasks: HostTasks;
  readonly #burial: Burial;
  readonly #loop: HostLoop;
  readonly #stalls: Stalls | undefined;
  readonly #statistics: Statistics;
  readonly #metrics: MetricsReader;
  #trace: TraceWriter | undefined = undefined;
  #isTraceOpening = false;
  #traces = 0;
  readonly #admission: Admission;
  readonly #dumper: Dumper;
  readonly #name: string | undefined;
  readonly #dumpSignal: DumpSignal | undefined;
  readonly #schedTrace: SchedTrace | undefined;
  readonly #maxNativeThreads: number;
  #native: { calls: NativeCalls; pool: NativeQueue } | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  /** Throws a RangeError for an option that is out of its range. */
  static open(options: SchedulerOptions): Host {
    const shim = openTier(options.preempt !== false);
    return new Host(shim, settingsOf(options, shim), tracingOfEnvironment(), traceOfEnvironment());
  }

  constructor(shim: Shim, settings: Settings, tracing?: Tracing, traced?: TraceOptions) {
    const shared = this.shared = new Shared(arenaWith(settings), shim);
    const { arena, parker, mailbox } = shared;
    this.#shim = shim;
    this.#arena = arena;
    this.#words = arena.i32;
    this.#poller = shim.addressOf(arena.i32.subarray(arena.poller));
    this.#statistics = new Statistics(shared);
    this.#metrics = new MetricsReader(shared, shim);
    this.#maxNativeThreads = settings.maxNativeThreads;
    this.#loop = new HostLoop(shim, parker, mailbox, () => this.#readMail());
    const home = this.home = new Isolate(shared, HOST, shim, this.#loop);
    this.#loop.refill = () => home.refill();
    // No task runs here, so none hears.
    home.handles.bridges = new IsolateBridges(home, { controller: () => new AbortController(), abort() {} });
    this.#forwarder = new Forwarder(shared, home.gs, { get: (isolate) => this.threads.get(isolate) });
    this.#tasks = new HostTasks(shared, home, this.#forwarder, this.#loop);
    this.#admission = new Admission(shared, this.#tasks, settings.maxQueue);
    this.#loop.whenIdle = () => this.#admission.ended();
    this.#burial = new Burial(home, shared, this.#tasks.owner, this.#forwarder);
    this.#stalls = settings.onStall && new Stalls(arena, home.heap, settings.onStall);
    if (settings.detectDeadlocks) this.#loop.watch = new DeadlockWatch(home, shared, this);
    this.#dumpSignal = settings.dumpOn && new DumpSignal(settings.dumpOn, () => this.dump());
    this.threads = new Threads(
      shared,
      shim,
      settings,
      new Unwatched(shared, shim, () => this.#loop.inFlight === 0),
      (thread, why) => this.#bury(thread, diedBy(why)),
      (isolate) => this.#burial.revive(isolate),
      () => this.threads.balance(this.shared.idle.procs),
    );
    this.#name = settings.name;
    // It reads before they have much to say.
    if (traced !== undefined) this.#traceToTheEnd(traced);
    this.shared.idle.setProcs(settings.procs);
    this.threads.balance(settings.procs);
    // Threads may have something to say before the first task.
    this.#loop.listen();
    this.#dumper = new Dumper(shared, home.table, shim);
    this.#schedTrace = tracing && new SchedTrace(tracing, () => this.dump());
  }

  /** For the watch for deadlocks: nothing here starts or cancels a task by itself. */
  get mayBeStuck(): boolean {
    return this.inFlight > 0 && this.nativeCalls === 0 && !this.isClosed &&
      this.#tasks.areAlone;
  }

  get capabilities(): Capabilities {
    return this.#shim.capabilities;
  }

  /** Throws a TypeError. */
  require(capability: keyof Capabilities, what: string): void {
    requireCapability(this.#shim, capability, what);
  }

  get isolates(): number[] {
    return this.threads.all.map(({ isolate }) => isolate);
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Resolves when a thread of the pool runs; when all do, if they are to be warm. */
  async up(): Promise<void> {
    await this.#loop.holdFor(this.threads.complete());
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
    this.shared.wakeups.setProcs(procs);
    this.threads.balance(procs);
    for (const { isolate } of this.threads.all) this.shared.wakeups.signal(isolate);
    // Of Ps that do not count any more, sysmon takes those that are in calls.
    this.shared.sysmonSleep.wake();
  }

  // Starting ----------------------------------------------------------------------------------------------------------

  /** On that thread, if one is given: it has been dedicated before. */
  go(call: Call<unknown>, options: GoOptions | undefined, thread?: Thread, view?: ViewLine): HostTask {
    if (thread === undefined) this.#admission.requireRoom(priorityNumber(options?.priority));
    if (options?.signal?.aborted) return this.#tasks.neverStarted(call, options);
    if (thread?.isGone) {
      throw new Error("The thread of this locker has died: start another one with scheduler.locker().");
    }
    reserveStack();
    return this.#tasks.start(call, options, thread, view);
  }

  newView(concurrency: number): ViewLine {
    return new ViewLine(concurrency);
  }

  /** No task of it starts any more. Resolves when none is under way. */
  closeView(view: ViewLine, why: () => Error): Promise<void> {
    return this.#loop.holdFor(this.#tasks.closeView(view, why));
  }

  /** Resolves when a task that is started now would begin soon. */
  async ready(priority: Priority | undefined): Promise<void> {
    await this.#loop.holdFor(this.#admission.ready(priorityNumber(priority)));
  }

  /** Throws if no task may start any more. */
  requireOpen(): void {
    if (this.isClosed) throw new SchedulerClosedError("The scheduler is closed: start another one.");
    if (this.#admission.isDraining) {
      throw new SchedulerClosedError("The scheduler is being drained: it takes no new tasks.");
    }
  }

  /** No task starts any more. Resolves when none is in flight. */
  async drain(): Promise<void> {
    await this.#loop.holdFor(this.#admission.drain(this.#loop.inFlight));
  }

  /** On a thread of its own. */
  dedicate(call: Call<unknown>, options: GoOptions, thread: ThreadOptions): HostTask {
    if (options.signal?.aborted) return this.#tasks.neverStarted(call, options);
    return this.#onOwnThread(call, options, thread, true)[0];
  }

  /** The same for a task that nobody waits for, so that it does not keep the process alive. */
  hold(call: Call<unknown>, thread: ThreadOptions): [HostTask, Thread] {
    if (this.#arena.shape.maxTasks === 1) {
      throw new RangeError("maxTasks is 1: a locker takes one for itself, and has none left for its tasks.");
    }
    const held = this.#onOwnThread(call, undefined, thread, false);
    silence(held[0]);
    return held;
  }

  #onOwnThread(
    call: Call<unknown>,
    options: GoOptions | undefined,
    thread: ThreadOptions,
    isInFlight: boolean,
  ): [HostTask, Thread] {
    reserveStack();
    const { maxTasks, maxThreads } = this.#arena.shape;
    const slot = this.home.gs.allocate();
    if (slot < 0) {
      throw new RangeError(
        `All ${maxTasks} task slots are in use (maxTasks): none is left for a thread of its own.`,
      );
    }
    const own = this.threads.forOneTask(this.shared.idle.procs);
    if (own === undefined) {
      this.home.gs.free(slot);
      if (this.threads.refusal !== undefined) throw this.threads.refusal;
      throw new RangeError(
        `All ${maxThreads} threads (maxThreads) are in use, or needed by the pool: none is left.`,
      );
    }
    try {
      return [this.#tasks.startOnOwn(slot, call, options, [thread, call.args], own, isInFlight), own];
    } catch (error) {
      this.shared.roles.set(own.isolate, SPARE);
      throw error;
    } finally {
      this.threads.balance(this.shared.idle.procs);
    }
  }

  // Native calls ------------------------------------------------------------------------------------------------------

  /** Begins with the first library or native thread. */
  get native(): { readonly calls: NativeCalls; readonly pool: NativeQueue } {
    if (this.#native !== undefined) return this.#native;
    this.shared.sysmonSleep.callFor();
    const calls = new NativeCalls(this.#arena, this.#shim, this.home.heap, this.#loop, this.home.meter);
    const pool = openPool(calls, this.#arena, this.#shim, this.#maxNativeThreads);
    return this.#native = { calls, pool };
  }

  get nativeCalls(): number {
    return this.#native?.calls.inFlight ?? 0;
  }

  // Ending ------------------------------------------------------------------------------------------------------------

  #readMail(): void {
    // All is settled by then. A thread that was terminated in the middle of its code may still mail.
    if (this.isClosed) return;
    if (this.shared.mailbox.drain(HOST, this.#read)) this.#readHeader();
    this.#tasks.refill();
    if (this.#admission.isAwaited) this.#admission.look();
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
      if (isLost(this.shared.parker.state(isolate))) this.#bury(thread, ranOn(this.#arena, isolate), true);
    }
    this.#stalls?.look(all.map(({ isolate }) => isolate));
    this.threads.balance(this.shared.idle.procs);
  }

  readonly #read = (slot: number, addressee: Addressee): void => {
    if (addressee === TO_WAITER) this.home.read(slot);
    else if (addressee === REPORT) this.#tasks.owner.readReport(slot);
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
    this.#statistics.keep(isolate);
    // All tasks have settled; and the thread may be one that was terminated, of which Deno (2.9) says that it has ended while it
    // computes on: it would go on with locks that were broken, and queues from which its records were taken.
    if (this.isClosed) return;
    this.#burial.bury(isolate, verdict);
    this.threads.balance(this.shared.idle.procs);
    this.#tasks.refill();
    this.shared.wakeups.wakeIfWork();
  }

  // Closing -----------------------------------------------------------------------------------------------------------

  close(): Promise<void> {
    reserveStack();
    return this.#closing ??= this.#loop.holdFor(this.#close());
  }

  async #close(): Promise<void> {
    this.#tasks.abandon(() => new SchedulerClosedError("The scheduler was closed before the task ended."));
    this.#admission.close(new SchedulerClosedError("The scheduler was closed."));
    const nativeEnded = this.#native?.calls.close();
    this.home.shutDown(() => new SchedulerClosedError("The scheduler was closed."));
    this.#announceEnd();
    const threads = this.threads.all;
    const ended = Promise.all(threads.map((thread) => thread.ended));
    // A native M that is in a call may take for ever, and needs nobody.
    await within(GRACE, Promise.all([ended, nativeEnded]));
    if (load(this.#words, PREEMPT) === 1) this.threads.watchEnd();
    for (const thread of this.threads.all) if (!this.threads.closes(thread)) this.threads.terminate(thread);
    if (this.threads.all.some((thread) => this.threads.closes(thread))) await within(CLOSING_LIMIT, ended);
    for (const thread of this.threads.all) this.threads.terminate(thread);
    await ended;
    // Whoever waits for it hears why it failed.
    await this.#trace?.stop().catch(() => {});
    this.#loop.close();
    this.home.pollSet?.close();
    this.#shim.pollerClose(this.#poller);
    this.#shim.close();
  }

  /** The process ends next: ends all threads, without a turn of the event loop. One that computes on is not waited for. */
  endThreads(): void {
    const deadline = performance.now() + LAST_GRACE;
    const tid = (isolate: number) => load(this.#words, this.#arena.isolate(isolate) + M_TID);
    const isolates = this.threads.isWatched ? [HOST, ...this.isolates] : this.isolates;
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
    this.#schedTrace?.stop();
    this.#metrics.close();
    this.#dumpSignal?.stop();
    store(this.#words, CLOSING, 1);
    this.threads.close();
    for (const { isolate } of this.threads.all) this.shared.wakeups.signal(isolate);
    this.shared.sysmonSleep.wake();
  }

  /** The process waits for that, too. */
  threadEnds(thread: Thread): Promise<void> {
    return this.#loop.holdFor(thread.ended);
  }

  // Statistics --------------------------------------------------------------------------------------------------------

  get inFlight(): number {
    return this.#loop.inFlight - this.nativeCalls;
  }

  stats(): SchedulerStats {
    const { inFlight, isolates, nativeCalls } = this;
    const nativeThreads = this.#native?.calls.threads ?? 0;
    return this.#statistics.read({
      isolates,
      inFlight,
      nativeThreads,
      nativeCalls,
      queued: this.#admission.queued,
    });
  }

  /** sysmon measures the queues. */
  metrics(): Metrics {
    this.shared.sysmonSleep.callFor();
    return this.#metrics.read(this.#name, this.isolates, this.stats());
  }

  /** Rejects if there is one, or the file cannot be written. */
  async trace(options: TraceOptions): Promise<TraceWriter> {
    const { file } = requireTraceOptions(options);
    if (this.#isTraceOpening || this.#trace?.isOver === false) {
      throw new Error("The scheduler is being traced: stop() that trace first.");
    }
    this.#isTraceOpening = true;
    try {
      if (this.isClosed) throw new SchedulerClosedError("The scheduler was closed.");
      const trace = this.#trace = this.#traceTo(file);
      try {
        await this.#loop.holdFor(trace.up);
        if (this.isClosed) throw new SchedulerClosedError("The scheduler was closed.");
      } catch (error) {
        await trace.stop().catch(() => {});
        throw error;
      }
      trace.begin();
      return trace;
    } finally {
      this.#isTraceOpening = false;
    }
  }

  /** Of the scheduler, or of the process. */
  #traceToTheEnd({ file }: TraceOptions): void {
    this.#trace = this.#traceTo(file);
    this.#trace.finished.catch((error) => console.error(UNFINISHED, error));
    this.#trace.begin();
  }

  #traceTo(file: string | URL): TraceWriter {
    const start = (drain: DrainStart) => this.threads.startDrainer(drain);
    const signal = () => {
      for (const { isolate } of this.threads.all) this.shared.wakeups.signal(isolate);
    };
    const number = ++this.#traces;
    return new TraceWriter(this.shared, this.home.meter, this.#shim, file, number, this.#name, start, signal);
  }

  dump(): Dump {
    const waiting = Array.from(
      this.#tasks.withoutSlot(),
      ({ id, name, definition }) => ({ id, name, module: definition.module }),
    );
    return this.#dumper.dump({
      name: this.#name,
      isolates: this.isolates,
      waiting,
      nameOf: (slot) => this.#tasks.owner.of(slot)?.name,
      native: { threads: this.#native?.calls.threads ?? 0, calls: this.nativeCalls },
    });
  }
}

/** Its header says what threads need to know of the settings. */
function arenaWith(settings: Settings): Arena {
  const { maxTasks, maxThreads, arenaBytes } = settings;
  const arena = new Arena({ maxTasks, maxThreads, bytes: Math.ceil(arenaBytes / 4096) * 4096 });
  store(arena.i32, PREEMPT, settings.preempt ? 1 : 0);
  store(arena.i32, SLICE_MS, settings.sliceMs);
  store(arena.i32, STALL_MS, settings.stallMs);
  store(arena.i32, RUNAWAY_MS, settings.runawayMs);
  store(arena.i32, STACKS, settings.stacks ? 1 : 0);
  if (!settings.followsMachine) store(arena.i32, PROCS_SEEN, PROCS_FIXED);
  return arena;
}
