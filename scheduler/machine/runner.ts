/**
 * The runner's side of an M: the Gs that it takes from queues and runs, from their arguments to their end. A G that has
 * begun stays on its M.
 */
import { copy } from "../codec/codec.ts";
import type { Shim } from "../../ffi/shim.ts";
import { BlackBox } from "./black_box.ts";
import type { Children } from "./children.ts";
import type { Agenda } from "./agenda.ts";
import { ENDED, G, type Services } from "./g.ts";
import { G_DONE, G_FAILED, G_FREE, type GTable } from "../slots/g_table.ts";
import { dropParcel, openParcel, type Parcel } from "../slots/parcel.ts";
import { NO_P } from "../parking/idle.ts";
import type { Hold } from "./hold.ts";
import type { Locks } from "../parking/locks.ts";
import type { ThreadLock } from "./thread_lock.ts";
import type { Heap } from "../arena/heap.ts";
import type { Arena } from "../arena/arena.ts";
import { HOST } from "../arena/layout/m.ts";
import { Modules } from "./modules.ts";
import { Stopwatch } from "./stopwatch.ts";
import { Talk } from "./talk.ts";
import { RunTimes } from "../slots/run_times.ts";
import type { SideChannel } from "../slots/side_channel.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Definition } from "../tasks/call.ts";
import { tellProgress } from "../tasks/progress.ts";
import { defaultReason } from "../tasks/promise.ts";
import type { Mail } from "../parking/mail.ts";
import { FINISHED } from "../tracing/tracer.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import type { TaskTable } from "../slots/task_table.ts";
import { type ThreadOptions, wearThreadOptions } from "../tasks/thread_options.ts";

/**
 * As `await` does: of a promise neither is looked up, so a `then` of its own is not called, and whatever else has one is
 * called in a microtask, where it may throw, or call back twice.
 */
const { resolve: resolved } = Promise;
const { then } = Promise.prototype;

export class Runner {
  readonly stopwatch: Stopwatch;
  readonly modules: Modules;
  readonly talk: Talk;
  /** The G that this thread was dedicated to from its begin. */
  #dedicated: G | undefined = undefined;
  /** Between its begin and its first await. */
  #current: G | undefined = undefined;
  #tookSlot = false;
  /** Taken from a queue and running here beyond their first await, or waiting for their arguments: by slot. */
  readonly #running = new Map<number, G>();
  /** For tasks that are bound to this thread: by definition, until the last one that has waited for it begins. */
  readonly #loads = new Map<number, { readonly ended: Promise<Error | undefined>; waiting: number }>();
  readonly #hold: Hold;
  readonly #agenda: Agenda;
  readonly #services: Services;
  readonly #children: Children;
  readonly #threadLock: ThreadLock;
  readonly #isolate: number;
  readonly #locks: Locks;
  readonly #heap: Heap;
  readonly #arena: Arena;
  readonly #shim: Shim;
  readonly #gs: GTable;
  readonly #table: TaskTable;
  readonly #side: SideChannel;
  readonly #mail: Mail;
  readonly #wakeups: Wakeups;
  /** If somebody wants to know. */
  readonly #box: BlackBox | undefined;

  constructor(
    agenda: Agenda,
    services: Services,
    children: Children,
    threadLock: ThreadLock,
    side: SideChannel,
    shim: Shim,
  ) {
    const { hold, shared: { arena, mail, wakeups } } = agenda;
    this.#hold = hold;
    this.#agenda = agenda;
    this.#services = services;
    this.#children = children;
    this.#threadLock = threadLock;
    this.#isolate = hold.isolate;
    this.#locks = hold.locks;
    const { home } = services;
    this.#heap = home.heap;
    this.#arena = arena;
    this.#shim = shim;
    this.#gs = home.gs;
    this.#table = home.table;
    this.#side = side;
    this.#mail = mail;
    this.#wakeups = wakeups;
    this.#box = BlackBox.open(arena, hold.isolate);
    const cpuNs = () => shim.cpuNs(services.tid);
    this.stopwatch = new Stopwatch(arena, hold.isolate, home.table, hold.locks, hold.meter, cpuNs);
    this.modules = new Modules(arena, hold.isolate, home.table, cpuNs);
    this.talk = new Talk(
      () => home.operations + agenda.yields,
      (g) => this.#number(g),
      new RunTimes(arena),
      cpuNs,
    );
  }

  /** A G from a queue was begun since the last look. */
  tookSlot(): boolean {
    if (!this.#tookSlot) return false;
    this.#tookSlot = false;
    return true;
  }

  /** Of the tasks that came from elsewhere and run here. */
  get names(): string[] {
    const slots = [...this.#running.keys(), ...this.#agenda.unloaded];
    return slots.map((slot) => this.#definition(slot)?.name ?? "one that is loading");
  }

  runPrivate(g: G | undefined): boolean {
    if (g === undefined) return false;
    if (g.promise!.state === "queued") this.#start(g, g.definition!, g.args!);
    return true;
  }

  runSlot(slot: number): boolean {
    if (slot < 0) return false;
    this.#tookSlot = true;
    if (this.#hold.meter.isBehind) this.#hold.lookForTracing();
    if (this.#definition(slot) === undefined) this.#awaitModule(slot);
    else if (this.#begins(slot)) this.#run(slot);
    return true;
  }

  #run(slot: number): void {
    const own = this.#arena.ownerOf(slot) === this.#isolate ? this.#children.takeBack(slot) : undefined;
    if (own !== undefined) this.runPrivate(own);
    else this.#receive(this.#newG(slot));
  }

  #newG(slot: number): G {
    const g = new G(this.#services, this.#definition(slot), this.#gs.id(slot), undefined, slot);
    g.priority = this.#gs.priority(slot);
    return g;
  }

  /** False: it was cancelled, and its owner is told. */
  #begins(slot: number): boolean {
    if (this.#gs.startRunning(slot, this.#isolate)) return true;
    const owner = this.#arena.ownerOf(slot);
    // The host has the arguments that went by port.
    if (this.#gs.isByPort(slot)) this.#mail.toOwner(HOST, slot);
    else if (owner === this.#isolate) this.#children.read(slot);
    else this.#mail.toOwner(owner, slot);
    this.#gs.told(this.#isolate);
    return false;
  }

  /** Nobody is bound to this thread by a module that it has not got: something else may block it by then. */
  #awaitModule(slot: number): void {
    this.#gs.take(slot, this.#isolate);
    this.#agenda.unloaded.add(slot);
    this.#agenda.expects(false);
    const number = this.#gs.definition(slot);
    this.modules.import(number).then((error) => {
      this.#agenda.resumeLater({ fire: () => this.#loaded(number, error) });
    });
  }

  /** One of those that waited for it begins, the others are queued again: they find their way to who has time. */
  #loaded(definition: number, error: Error | undefined): void {
    const slots = [...this.#agenda.unloaded].filter((slot) => this.#gs.definition(slot) === definition);
    if (error === undefined) this.#children.putBack(slots.splice(1));
    for (const slot of slots) {
      this.#agenda.unloaded.delete(slot);
      this.#agenda.arrived();
      if (!this.#begins(slot)) continue;
      if (error === undefined) this.#run(slot);
      else this.#fail(slot, error);
    }
  }

  #fail(slot: number, error: Error): void {
    this.#gs.dropPayload(slot);
    this.#end(new G(this.#services, undefined, this.#gs.id(slot), undefined, slot), false, error);
  }

  /** By a task that looks whether it should yield, and should: where it is, if somebody wants to know. */
  tellStack(): void {
    if (this.#box === undefined) return;
    reserveStack();
    this.#locks.hold();
    try {
      if (this.#box.writeStack(this.#locks.turn, this.#heap)) this.#wakeups.signal(HOST);
    } catch {
      // A task's own Error.prepareStackTrace.
    } finally {
      this.#locks.release();
    }
  }

  /** To who started it. */
  report(g: G, value: unknown): void {
    if (g.slot < 0) return tellProgress(g, copy(value, "report"));
    const packed = this.#gs.packReport(value);
    this.#locks.hold();
    try {
      if (this.#gs.report(g.slot, packed)) this.#mail.reportToOwner(this.#arena.ownerOf(g.slot), g.slot);
    } finally {
      this.#locks.release();
    }
  }

  /** Gets the arguments. What had to go by port is asked for. */
  #receive(g: G): void {
    if (!this.#gs.isByPort(g.slot)) return this.#load(g, undefined);
    this.#await(g, true);
    this.#mail.toOwner(HOST, g.slot);
  }

  #loadWithParcel(g: G): void {
    const parcel = this.#side.take(g.slot);
    if (parcel === undefined) return;
    const fire = () => {
      this.#arrived(g);
      this.#load(g, parcel);
    };
    this.#agenda.resumeLater({ fire });
  }

  /**
   * Imports its module if this thread has not done so, then starts it: handles among the arguments are its module's. Tasks of a
   * definition begin in their order, so who comes when the module is there waits for those that have waited for it.
   */
  #load(g: G, parcel: Parcel | undefined): void {
    const definition = this.#gs.definition(g.slot);
    let load = this.#loads.get(definition);
    if (g.definition !== undefined && load === undefined) return this.#startLoaded(g, g.definition, parcel);
    if (load === undefined) {
      this.#loads.set(definition, load = { ended: this.modules.import(definition), waiting: 0 });
    }
    load.waiting++;
    this.#await(g, false);
    load.ended.then((error) => {
      const fire = () => {
        if (--load.waiting === 0) this.#loads.delete(definition);
        this.#arrived(g);
        if (error === undefined) return this.#startLoaded(g, this.#definition(g.slot)!, parcel);
        this.#gs.dropPayload(g.slot);
        dropParcel(parcel, this.#gs.handles);
        this.#end(g, false, error);
      };
      this.#agenda.resumeLater({ fire });
    });
  }

  #startLoaded(g: G, definition: Definition, parcel: Parcel | undefined): void {
    let args: readonly unknown[];
    try {
      args = this.#arguments(g.slot, parcel);
      if (g === this.#dedicated) {
        const [options, own] = args as [ThreadOptions, unknown[]];
        args = own;
        this.#threadLock.isSpecial = wearThreadOptions(this.#shim, options);
      }
    } catch (error) {
      return this.#end(g, false, error);
    }
    this.#start(g, definition, args);
  }

  #arguments(slot: number, parcel: Parcel | undefined): readonly unknown[] {
    if (parcel !== undefined) return openParcel(parcel, this.#gs.handles) as unknown[];
    try {
      return this.#gs.readPayload(slot) as unknown[];
    } finally {
      this.#gs.dropPayload(slot);
    }
  }

  #definition(slot: number): Definition | undefined {
    return this.modules.find(this.#gs.definition(slot));
  }

  /** Of its definition; below 0: nobody else knows that. */
  #number(g: G): number {
    return g.slot < 0 ? this.#table.find(g.definition!) : this.#gs.definition(g.slot);
  }

  /** A G that has not begun and waits for something to arrive. */
  #await(g: G, isParcel: boolean): void {
    this.#agenda.expects(isParcel);
    this.#running.set(g.slot, g);
  }

  #arrived(g: G): void {
    this.#agenda.arrived();
    this.#running.delete(g.slot);
  }

  #start(g: G, definition: Definition, args: readonly unknown[]): void {
    this.#agenda.ran++;
    // Only a runner's G can be the subject of a mail meanwhile.
    if (g.slot >= 0) this.#current = g;
    this.#box?.write(g, definition.name, args);
    const locks = this.#locks;
    // As a method it would be "Object.fn" in stacks.
    const { fn } = definition;
    let result: unknown;
    let pending: Promise<unknown> | undefined;
    if (g.slot < 0) this.stopwatch.beginPrivate(definition);
    else this.stopwatch.begin(this.#gs.definition(g.slot), g.id);
    locks.leave();
    try {
      // A spread call costs 20 ns more.
      result = args.length === 1 ? fn(g, args[0]) : fn(g, ...args);
      // What it looks at may be getters of the task's, and throw.
      if (isThenable(result)) pending = resolved.call(Promise, result);
    } catch (error) {
      locks.enter();
      this.stopwatch.end();
      this.#current = undefined;
      this.#end(g, false, error);
      return;
    }
    locks.enter();
    this.stopwatch.end();
    if (g.slot >= 0) this.#current = undefined;
    if (pending !== undefined) this.#follow(g, pending, args);
    else this.#end(g, true, result);
  }

  /** Apart from `#start`, which would make a context for the functions in here for every G. */
  #follow(g: G, pending: Promise<unknown>, args: readonly unknown[]): void {
    // First: mail that is read from here on finds it.
    if (g.slot >= 0) this.#running.set(g.slot, g);
    try {
      then.call(
        pending,
        (value) => g.services.runner.ended(g, true, value),
        (error) => g.services.runner.ended(g, false, error),
      );
    } catch (error) {
      // A "constructor" of its own.
      return this.#end(g, false, error);
    }
    this.#agenda.began();
    if (g.promise !== undefined) g.promise.state = "running";
    g.args = this.talk.began(g, args);
  }

  /** It was pending. In a microtask. */
  ended(g: G, ok: boolean, value: unknown): void {
    this.#locks.hold();
    if (g.args !== undefined) this.talk.ended(g, g.args);
    this.#agenda.ended();
    this.#hold.meter.tracer?.instant(FINISHED, g.slot < 0 ? -1 : this.#gs.definition(g.slot), g.id);
    this.#end(g, ok, value);
    this.#locks.release();
  }

  #end(g: G, ok: boolean, value: unknown): void {
    if (g.outstanding > 0) this.#agenda.parents--;
    g.outstanding = ENDED;
    if (g.slot < 0) this.#children.end(g, ok, value);
    else this.#endSlot(g, ok, value);
    if (g.rare?.holds !== undefined) this.#threadLock.end(g);
  }

  #endSlot(g: G, ok: boolean, value: unknown): void {
    const slot = g.slot;
    this.#running.delete(slot);
    let isPosted: boolean;
    try {
      isPosted = this.#write(slot, value);
    } catch (error) {
      ok = false;
      isPosted = this.#write(slot, cloneable(error));
    }
    this.#gs.end(slot, this.#isolate, ok ? G_DONE : G_FAILED);
    // A parcel for another thread goes through the host.
    this.#mail.toOwner(isPosted ? HOST : this.#arena.ownerOf(slot), slot);
    this.#gs.told(this.#isolate);
  }

  /** Whether it went by port. */
  #write(slot: number, value: unknown): boolean {
    const parcel = this.#gs.writeResult(slot, value);
    try {
      if (parcel !== undefined) this.#side.post(slot, parcel);
    } catch (error) {
      dropParcel(parcel, this.#gs.handles);
      throw error;
    }
    return parcel !== undefined;
  }

  /** Mail about a slot that runs here, did so, or is to; or that ran on a thread that died. */
  read(slot: number): void {
    this.#gs.clearRunnerMail(slot);
    const g = this.#running.get(slot) ?? (this.#current?.slot === slot ? this.#current : undefined);
    if (g !== undefined) {
      const cancelled = this.#gs.cancelRequest(slot);
      if (cancelled) g.abort(cancelled.reason ?? defaultReason());
      this.#loadWithParcel(g);
    } else if (this.#gs.isMeantFor(slot, this.#isolate)) {
      this.#runOwn(slot);
    } else if (this.#arena.ownerOf(slot) === this.#isolate) {
      // What ran here itself is mailed as it should be.
      const ranElsewhere = this.#gs.runner(slot) !== this.#isolate;
      if (ranElsewhere && this.#gs.hasEnded(slot)) this.#children.readOfDead(slot);
    } else if (this.#gs.status(slot) === G_FREE && this.#arena.ownerOf(slot) === HOST) {
      // Partner: free(), after which the host looks at the mark. It set the slot aside, and a task may wait for it.
      this.#wakeups.signal(HOST);
    }
  }

  /**
   * The host chose this thread for the task. The first such one makes it its own, and what the host sent then are the
   * thread's options with the arguments.
   */
  #runOwn(slot: number): void {
    const isFirst = this.#hold.p === NO_P && this.#hold.takesWork;
    // Mail is also read in the middle of a task, by shouldYield.
    if (isFirst) this.#beginOwn(slot, true);
    else this.#agenda.resumeLater({ fire: () => this.#beginOwn(slot, false) });
  }

  #beginOwn(slot: number, isFirst: boolean): void {
    if (!this.#begins(slot)) {
      if (isFirst) this.#agenda.endWhenDone();
      return;
    }
    const g = this.#newG(slot);
    if (isFirst) {
      this.#dedicated = g;
      this.#threadLock.startDedicated(g);
    }
    this.#receive(g);
  }
}

/** What a copy failed with: a DataCloneError, whose parts are strings, or whatever a getter of the value threw. */
function cloneable(error: unknown): unknown {
  try {
    return copy(error, "error");
  } catch (refusal) {
    return refusal;
  }
}

function isThenable(value: unknown): boolean {
  return ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as PromiseLike<unknown>).then === "function";
}
