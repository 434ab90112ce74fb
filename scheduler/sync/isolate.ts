/**
 * One isolate's part in what tasks share: its handles, its parked operations, and how these go on.
 *
 * An operation that cannot be done at once is parked, here and in its object's queue. Who can end it takes it out of
 * the queue, writes the outcome, and `wake`s it: an operation of its own isolate goes on at once, another's by mail.
 */
import type { Shim } from "../../ffi/shim.ts";
import { cas, pause, store } from "../arena/atomics.ts";
import { dropCell, Stage } from "./cell.ts";
import type { Bytes } from "../codec/codec.ts";
import { arenaFull, Handles } from "./handles.ts";
import { Heap } from "../arena/heap.ts";
import { Locks } from "../parking/locks.ts";
import type { Shared } from "../parking/shared.ts";
import type { Idle } from "../parking/idle.ts";
import type { Mailbox } from "../queues/mailbox.ts";
import {
  type Arena,
  W_CELL,
  W_ISOLATE,
  W_NUMBER,
  W_OUTCOME,
  W_QUEUE,
  W_SELECTION,
} from "../arena/memory_layout.ts";
import type { Timer } from "../queues/timers.ts";
import type { Waiter } from "./waiter.ts";

/**
 * Operations in a row that are done at once before the isolate's loop gets its turn. Tokio's budget of a task is 128; a
 * turn of the event loop takes 1.1 us, an operation a tenth of that.
 */
const BUDGET = 1024;
/** Guess: records kept ready for the next operations that park. */
const KEEP = 256;
/** Pauses of 35 ns while another isolate is in a critical section, before it is offered this CPU. Guess: sections are shorter. */
const PATIENCE = 32;

const DONE_AT_ONCE: Promise<void> = Promise.resolve();

/** What the isolate's own loop does for it. */
export interface Loop {
  /** Whether tasks may go on here: the M holds a P. The host's code always may. */
  readonly mayRun: boolean;
  /** Fires it when the isolate runs tasks the next time, and others had their turn. */
  resumeLater(resume: { fire(): void }): void;
  startTimer(timer: Timer): void;
  /** Of one that has not fired. */
  stopTimer(timer: Timer): void;
  /** An operation has been parked that another isolate may end soon. For who does not look at its mail anyway. */
  listen?(): void;
}

/** Where operations without a record are parked. */
export interface Place {
  isListed: boolean;
  waiting(): Iterator<Waiter> & Iterable<Waiter>;
}

export class Isolate {
  readonly arena: Arena;
  readonly words: Int32Array;
  readonly number: number;
  readonly heap: Heap;
  readonly handles: Handles;
  /** The arena, for values that may hold handles. */
  readonly values: Required<Bytes>;
  readonly loop: Loop;
  readonly locks: Locks;
  /** For a value on its way into a cell, and for one on its way out. */
  readonly sending: Stage;
  readonly taken: Stage;
  /** Operations that may still be done at once. Refilled by the loop. */
  budget = BUDGET;
  /** Why nothing can be done any more. */
  closed: (() => Error) | undefined = undefined;
  readonly #idle: Idle;
  readonly #mailbox: Mailbox;
  readonly #shim: Shim;
  /** Records in nobody's use. */
  readonly #records: number[] = [];
  /** Parked operations that have a record, by its number; and the numbers in nobody's use. */
  readonly #byNumber: (Waiter | undefined)[] = [];
  readonly #numbers: number[] = [];
  /** Where others are parked: swept now and then of those where nobody is. */
  #places: Place[] = [];
  #sweepAt = 64;

  constructor(
    { arena, idle, mailbox }: Shared,
    number: number,
    shim: Shim,
    loop: Loop,
    locks: Locks = new Locks(arena, number),
  ) {
    this.arena = arena;
    this.words = arena.i32;
    this.number = number;
    this.loop = loop;
    this.#shim = shim;
    this.#idle = idle;
    this.#mailbox = mailbox;
    this.locks = locks;
    this.heap = new Heap(arena);
    this.handles = new Handles(this);
    this.values = { i32: arena.i32, u8: arena.u8, handles: this.handles };
    this.sending = new Stage(this.handles);
    this.taken = new Stage(this.handles);
  }

  /** Operations of this isolate that are parked. A select is one. */
  parked = 0;

  // Going on ----------------------------------------------------------------------------------------------------------

  refill(): void {
    this.budget = BUDGET;
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

  // Critical sections -------------------------------------------------------------------------------------------------

  /** They are short, and nothing within allocates or throws. The word says who is inside, in case it dies. */
  lock(object: number): void {
    this.locks.hold();
    if (!cas(this.words, object, 0, this.number + 1)) this.#lockSlowly(object);
  }

  #lockSlowly(object: number): void {
    for (let round = 1; !cas(this.words, object, 0, this.number + 1); round++) {
      if (round % PATIENCE === 0) this.#shim.yieldCpu();
      else pause();
    }
  }

  unlock(object: number): void {
    store(this.words, object, 0);
    this.locks.release();
  }

  /** By the host: a thread died inside. */
  breakLock(object: number, dead: number): void {
    cas(this.words, object, dead + 1, 0);
  }

  // Parking -----------------------------------------------------------------------------------------------------------

  /** So that `park` cannot fail while a lock is held. Throws a RangeError if the arena is full. */
  reserve(records = 1): void {
    const refusal = this.tryReserve(records);
    if (refusal !== undefined) throw refusal;
  }

  /** What `reserve` would throw for a full arena: an operation that need not park goes on without. */
  tryReserve(records = 1): RangeError | undefined {
    while (this.#records.length < records) {
      if (!this.#makeRecord()) return arenaFull(this.arena.shape.bytes);
    }
  }

  #makeRecord(): boolean {
    if (this.closed !== undefined) throw this.closed();
    const block = this.heap.allocate(0);
    if (block === 0) return false;
    const record = block >> 2;
    this.words[record + W_ISOLATE] = this.number;
    this.words[record + W_NUMBER] = this.#numbers.pop() ?? this.#byNumber.push(undefined) - 1;
    this.#records.push(record);
    return true;
  }

  /** One that was reserved. */
  takeRecord(): number {
    const record = this.#records.pop()!;
    this.words[record + W_SELECTION] = 0;
    this.words[record + W_QUEUE] = 0;
    this.words[record + W_CELL] = 0;
    return record;
  }

  /** The record is the operation's, until `unparked`. */
  useRecord(waiter: Waiter, record: number): void {
    waiter.record = record;
    this.#byNumber[this.words[record + W_NUMBER]] = waiter;
  }

  /** The operation is in a queue. */
  park(waiter: Waiter): void {
    if (waiter.selection === undefined) this.parked++;
    if (waiter.record !== 0) this.loop.listen?.();
  }

  /** Operations without a record are parked there, or will be. Called once, and again when it was taken off the list. */
  list(place: Place): void {
    place.isListed = true;
    if (this.#places.push(place) < this.#sweepAt) return;
    this.#places = this.#places.filter((place) => place.isListed = !place.waiting().next().done);
    this.#sweepAt = 64 + 2 * this.#places.length;
  }

  /** The operation has ended, or was taken back, and what its record said has been read. */
  unparked(waiter: Waiter): void {
    if (waiter.selection === undefined) this.parked--;
    if (waiter.release !== undefined) waiter.release();
    if (waiter.record !== 0) this.freeRecord(waiter);
  }

  freeRecord(waiter: Waiter): void {
    const { record } = waiter;
    waiter.record = 0;
    this.#byNumber[this.words[record + W_NUMBER]] = undefined;
    this.giveRecord(record);
  }

  /** Nobody uses it any more. */
  giveRecord(record: number): void {
    if (this.#records.length < KEEP) {
      this.#records.push(record);
    } else {
      this.#numbers.push(this.words[record + W_NUMBER]);
      this.heap.free(record * 4, 0);
    }
  }

  // Waking ------------------------------------------------------------------------------------------------------------

  /** The caller took the operation out of its queue, wrote the outcome, and has left the critical section. */
  wake(record: number): void {
    const isolate = this.words[record + W_ISOLATE];
    if (isolate === this.number) return this.read(record);
    this.locks.hold();
    if (this.#mailbox.pushRecord(isolate, record)) this.#idle.ready(isolate);
    else this.discard(record);
    this.locks.release();
  }

  /** An operation of this isolate has ended, here or by mail. */
  read(record: number): void {
    const waiter = this.#byNumber[this.words[record + W_NUMBER]];
    // Of a thread that had this number before, and died after the operation had been ended.
    if (waiter?.record !== record) return this.discard(record);
    this.end(waiter, this.words[record + W_OUTCOME]);
  }

  /** It goes on now if this isolate holds a P, else when it has one. */
  end(waiter: Waiter, outcome: number): void {
    if (this.loop.mayRun) waiter.waited.ended(waiter, outcome);
    else this.loop.resumeLater({ fire: () => waiter.waited.ended(waiter, outcome) });
  }

  /** All that are parked. */
  *waiting(): Iterable<Waiter> {
    for (const waiter of this.#byNumber) if (waiter !== undefined) yield waiter;
    for (const place of this.#places) yield* place.waiting();
  }

  /** By the host: what is parked rejects, and what would have to be parked from here on. */
  close(why: () => Error): void {
    this.closed = why;
    for (const waiter of [...this.waiting()]) waiter.abandon(why());
    // So that `reserve` has to make one.
    this.#records.length = 0;
  }

  /** An operation has ended whose isolate died. */
  discard(record: number): void {
    dropCell(this, this.values, record + W_CELL);
    this.heap.free(record * 4, 0);
  }
}
