/**
 * One isolate's part in what is shared: its view of slots and definitions, its handles, its parked operations, and how
 * these go on.
 *
 * An operation that cannot be done at once is parked, here and in its object's queue. Who can complete it takes it out of
 * the queue, writes the outcome, and makes it `ready`: an operation of its own isolate goes on at once, another's by mail.
 */
import type { Shim } from "../../ffi/shim.ts";
import { store } from "../arena/atomics.ts";
import { Heap } from "../arena/heap.ts";
import type { Arena } from "../arena/arena.ts";
import { M_POLL, POLL_NONE } from "../arena/layout/m.ts";
import { W_CELL, W_ISOLATE, W_OUTCOME } from "../arena/layout/object.ts";
import type { Bytes } from "../codec/codec.ts";
import { Locks } from "../parking/locks.ts";
import type { Shared } from "../parking/shared.ts";
import type { SysmonSleep } from "../parking/sysmon_sleep.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import type { Mailbox } from "../queues/mailbox.ts";
import type { Clock } from "../queues/cancellation.ts";
import { GTable } from "../slots/g_table.ts";
import { TaskTable } from "../slots/task_table.ts";
import { Meter } from "../tracing/meter.ts";
import { READIED, WAITED } from "../tracing/tracer.ts";
import { ThreadDiedError } from "../tasks/errors.ts";
import { HOME } from "../tasks/home.ts";
import { dropCell, Stage, type Store } from "./cell.ts";
import { Handles } from "./handles.ts";
import { ObjectLocks } from "./object_lock.ts";
import { Records } from "./records.ts";
import { unlink } from "./wait_queue.ts";
import type { Lot, Waiter } from "./waiter.ts";

/**
 * Operations in a row that are done at once before the isolate's loop gets its turn. Tokio's budget of a task is 128; a
 * turn of the event loop takes 1.1 us, an operation a tenth of that. (256 cost a ping-pong 5% more.)
 */
const BUDGET = 1024;

const DONE_AT_ONCE: Promise<void> = Promise.resolve();

/** What the isolate's own loop does for it. */
export interface Loop extends Clock {
  /** Whether tasks may go on here: the M holds a P. The host's code always may. */
  readonly mayRun: boolean;
  /** Fires it when the isolate runs tasks the next time, and others had their turn. */
  resumeLater(resume: { fire(): void }): void;
  /** An operation has been parked that another isolate may complete soon. For who does not look at its mail anyway. */
  listen?(): void;
  /** Keeps the process alive until `letProcessGo` was called as often. Of a thread its tasks do that. */
  holdProcess?(): void;
  letProcessGo?(): void;
  /** As a G does, this work keeps its thread, whose event loop goes on with it. For a thread's. */
  attend?(work: Promise<void>): void;
}

/** Something of this isolate alone, where operations are parked that have no record. */
export interface LocalPlace {
  /**
   * Where it is in its isolate's list, plus 1; 0: it is not there. Below 0 while somebody hears of waits (`Meter.tap`): so the question
   * that is asked before each operation is parked is the only one.
   */
  listed: number;
  readonly hasWaiting: boolean;
  waiting(): Iterable<Waiter>;
}

/** What the isolate has registered with the kernel: poller.ts. */
export interface PollSet {
  /** Whoever waits for what is ready there goes on. */
  look(): void;
  close(): void;
}

/** The isolate of a Scheduler or a context. Throws a TypeError for anything else. */
export function isolateOf(home: unknown, what: string): Isolate {
  const isolate = (home as { readonly [HOME]?: Isolate } | undefined | null)?.[HOME];
  if (isolate !== undefined) return isolate;
  throw new TypeError(
    `${what}(${String(home)}, …): give the Scheduler, or the ctx of the task that makes it.`,
  );
}

export class Isolate implements Lot, Store {
  readonly arena: Arena;
  readonly words: Int32Array;
  readonly number: number;
  readonly shim: Shim;
  readonly loop: Loop;
  readonly locks: Locks;
  readonly meter: Meter;
  readonly sysmonSleep: SysmonSleep;
  readonly objectLocks: ObjectLocks;
  readonly heap: Heap;
  readonly handles: Handles;
  readonly gs: GTable;
  readonly table: TaskTable;
  readonly records: Records;
  readonly values: Required<Bytes>;
  /** For a value on its way into a cell, and for one on its way out. */
  readonly sending: Stage;
  readonly taken: Stage;
  /** Operations that may still be done at once. Refilled by the loop. */
  budget = BUDGET;
  /** Operations of this isolate that are parked. A select is one. */
  parked = 0;
  /** Of these, how many wait for descriptors: what nobody here ends. */
  polled = 0;
  /** From the first such wait on. */
  pollSet: PollSet | undefined = undefined;
  /** Why nothing can be done any more. */
  shutdown: (() => Error) | undefined = undefined;
  #operations = 0;
  readonly #wakeups: Wakeups;
  readonly #mailbox: Mailbox;
  /**
   * Where operations without a record are parked, for `close` and for reports. What has moved to the arena leaves at once, or its
   * handle would keep it there; where merely nobody waits any more stays until a sweep.
   */
  #places: LocalPlace[] = [];
  #sweepAt = 64;

  constructor(
    { arena, wakeups, mailbox, sysmonSleep }: Shared,
    number: number,
    shim: Shim,
    loop: Loop,
    locks: Locks = new Locks(arena, number),
    meter: Meter = new Meter(arena, number, shim),
  ) {
    this.arena = arena;
    this.words = arena.i32;
    this.number = number;
    this.shim = shim;
    this.loop = loop;
    this.sysmonSleep = sysmonSleep;
    this.#wakeups = wakeups;
    this.#mailbox = mailbox;
    this.locks = locks;
    this.meter = meter;
    this.objectLocks = new ObjectLocks(arena.i32, number, this.locks, shim);
    this.heap = new Heap(arena, number);
    this.handles = new Handles(this, number, this.objectLocks);
    this.gs = new GTable(arena, number, this.handles, meter);
    this.table = new TaskTable(arena, number);
    this.values = { i32: arena.i32, u8: arena.u8, handles: this.handles };
    this.records = new Records(arena, number, this.heap);
    this.sending = new Stage(this.handles);
    this.taken = new Stage(this.handles);
    meter.onTap = () => this.#places.forEach((place, index) => this.#place(place, index + 1));
  }

  // Going on ----------------------------------------------------------------------------------------------------------

  refill(): void {
    this.#operations += BUDGET - this.budget;
    this.budget = BUDGET;
  }

  /** So many operations were done at once here: of the two that pass a value on one always is. */
  get operations(): number {
    return this.#operations + BUDGET - this.budget;
  }

  /** The promise of the next operation takes room on the stack, which its caller has to have asked for. */
  get isBudgetOver(): boolean {
    return this.budget <= 1;
  }

  /** The promise of an operation that was done at once. */
  done(): Promise<void> {
    return --this.budget > 0 ? DONE_AT_ONCE : this.#later(undefined);
  }

  doneWith<T>(value: T): Promise<T> {
    return --this.budget > 0 ? Promise.resolve(value) : this.#later(value);
  }

  /** Isolates that do nothing but such operations let their mail, their timers and other tasks have a turn. */
  #later<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.loop.resumeLater({ fire: () => resolve(value) }));
  }

  // Parking -----------------------------------------------------------------------------------------------------------

  park(waiter: Waiter): void {
    if (waiter.selection === undefined) this.parked++;
    this.meter.tap?.waits(waiter, waiter.waited.describe(waiter));
    if (waiter.record !== 0) this.loop.listen?.();
  }

  unparked(waiter: Waiter): void {
    if (waiter.selection === undefined) this.parked--;
    if (waiter.release !== undefined) waiter.release();
    this.meter.tap?.waited(waiter, WAITED, waiter.record);
    if (waiter.record !== 0) this.records.release(waiter);
  }

  /** Takes an operation out of its object's queue. False: somebody else did. */
  withdraw(waiter: Waiter, object: number): boolean {
    this.objectLocks.lock(object);
    const isOurs = unlink(this.words, object, waiter.record);
    this.objectLocks.unlock(object);
    return isOurs;
  }

  /**
   * Operations without a record are parked there, or will be: called before each of them, while `listed` is not above 0. False:
   * somebody hears of them, so each is to be a Waiter.
   */
  list(place: LocalPlace): boolean {
    if (place.listed === 0) {
      // First: where an operation is yet to be parked nobody is.
      if (this.#places.length >= this.#sweepAt) this.#sweep();
      this.#place(place, this.#places.push(place));
    }
    return place.listed > 0;
  }

  #place(place: LocalPlace, number: number): void {
    place.listed = this.meter.tap === undefined ? number : -number;
  }

  #sweep(): void {
    const kept: LocalPlace[] = [];
    for (const place of this.#places) {
      if (place.hasWaiting) this.#place(place, kept.push(place));
      else place.listed = 0;
    }
    this.#places = kept;
    this.#sweepAt = 64 + 2 * kept.length;
  }

  /** It has moved to the arena. */
  unlist(place: LocalPlace): void {
    if (place.listed === 0) return;
    const last = this.#places.pop()!;
    if (last !== place) {
      this.#places[Math.abs(place.listed) - 1] = last;
      last.listed = place.listed;
    }
    place.listed = 0;
  }

  /** All that are parked. */
  *waiting(): Iterable<Waiter> {
    yield* this.records.waiters();
    for (const place of this.#places) yield* place.waiting();
  }

  /** What the operations of a lock reject with. */
  poisoned(lock: string): Error {
    return this.shutdown?.() ?? new ThreadDiedError(
      `${lock} cannot be used any more: a thread died that held it, and what it guards may be half done. Make a new one.`,
    );
  }

  // Completing --------------------------------------------------------------------------------------------------------

  /** The caller took the operation out of its queue, wrote the outcome, and has left the critical section. */
  ready(record: number): void {
    const isolate = this.words[record + W_ISOLATE];
    this.meter.tracer?.instant(READIED, 0, record);
    if (isolate === this.number) return this.read(record);
    this.locks.hold();
    if (this.#mailbox.pushRecord(isolate, record)) this.#wakeups.ready(isolate);
    else this.discard(record);
    this.locks.release();
  }

  /** An operation of this isolate has been completed, here or by mail. */
  read(record: number): void {
    const waiter = this.records.waiterOf(record);
    if (waiter === undefined) this.#readStrange(record);
    else this.complete(waiter, this.words[record + W_OUTCOME]);
  }

  /** That something is ready in its poll set, or may be in that of the thread that had its number; or an operation of that one. */
  #readStrange(record: number): void {
    this.discard(record);
    // The mark has been taken off before, so what comes after this look is mailed again.
    if (record === this.arena.isolate(this.number) + M_POLL) this.pollSet?.look();
  }

  /** It goes on now if this isolate holds a P, or none is needed, else when it has one. */
  complete(waiter: Waiter, outcome: number): void {
    if (waiter.record === 0) this.meter.tap?.readied(waiter);
    if (this.loop.mayRun || waiter.waited.takesNoP) waiter.waited.completed(waiter, outcome);
    else this.loop.resumeLater({ fire: () => waiter.waited.completed(waiter, outcome) });
  }

  /** An operation has been completed whose isolate died. Of a mail about a poll set, which is no block, the mark is taken off. */
  discard(record: number): void {
    if (record * 4 < this.arena.heapAt) return store(this.words, record, POLL_NONE);
    dropCell(this, this.values, record + W_CELL);
    this.heap.free(record * 4, 0);
  }

  /** By the host: what is parked rejects, and what would have to be parked from here on. */
  shutDown(why: () => Error): void {
    this.shutdown = why;
    for (const waiter of [...this.waiting()]) waiter.abandon(why());
    this.records.shutDown(why);
  }
}
