/**
 * G slots: what a task consists of while it is known to more than one isolate. A G that never leaves its M has none.
 *
 * A slot has an owner for life (the isolate that started the task: it fills the slot, hears of the end, and frees it)
 * and for each task a runner (the M that takes it from a queue). The status says who may touch the rest:
 *
 *   G_FREE       the owner's. Left by the owner, once the rest is written: G_QUEUED.
 *   G_QUEUED     in one queue. The taker makes it G_RUNNING, the owner may make it G_CANCELLED: both by CAS.
 *   G_RUNNING    the payload is the runner's, G_M says who that is. Left by the runner: G_DONE or G_FAILED. If the runner
 *                dies, the host leaves it in the runner's place: G_LOST.
 *   G_CANCELLED  still in its queue. The taker leaves it unopened: G_DROPPED.
 *   G_DONE       the payload is the result, G_FAILED: what was thrown, G_LOST: nothing, G_DROPPED: the arguments. Mailed to the
 *                owner. Left by it: G_FREE. If it has died the host does that; M_TELLS says whether the mail is still to
 *                come.
 *
 * The payload, G_BLOCK and G_PAYLOAD are plain memory: they belong to the one that the status names, and every change of
 * the status is an atomic operation that the next one to touch them has read.
 */
import { add, cas, exchange, load, store } from "../arena/atomics.ts";
import {
  type Bytes,
  CELL,
  decode,
  encodeArguments,
  encodeInto,
  type ErrorClass,
  type Message,
  pack,
  SLOT,
  unknownErrorClass,
} from "../codec/codec.ts";
import { hasHandles, type References } from "../codec/handle.ts";
import type { Meter } from "../tracing/meter.ts";
import { POSTED } from "../tracing/tracer.ts";
import { USER_VISIBLE } from "../tasks/priority.ts";
import { arenaFull, Heap, offsetOf } from "../arena/heap.ts";
import type { Arena } from "../arena/arena.ts";
import { METER_BY_PORT, METER_BY_PORT_BYTES } from "../arena/layout/meter.ts";
import { ID_BLOCKS } from "../arena/layout/header.ts";
import { M_TELLS } from "../arena/layout/m.ts";
import {
  G_BLOCK,
  G_CANCEL,
  G_DEDICATED,
  G_ID_HIGH,
  G_ID_LOW,
  G_INLINE,
  G_M,
  G_PAYLOAD,
  G_REPORT,
  G_RUNNER_MAILED,
  G_STATUS,
  G_TASK,
  INLINE_BYTES,
} from "../arena/layout/slot.ts";
import { type Parcel, parcelOf, readInVain } from "./parcel.ts";
import { RunTimes } from "./run_times.ts";

export const G_FREE = 0;
export const G_QUEUED = 1;
export const G_RUNNING = 2;
export const G_CANCELLED = 3;
export const G_DONE = 4;
export const G_FAILED = 5;
export const G_LOST = 6;
export const G_DROPPED = 7;

/** G_DEDICATED, in two bits. Plain: nobody has the slot as the host writes it. */
const DEDICATED = 1;
const TAKER_DIED = 2;
const PRIORITY_SHIFT = 2;

/** G_PAYLOAD: in the slot, in the heap (G_BLOCK refers to it), or sent by a message port. */
const INLINE = 0;
const IN_HEAP = 1;
const BY_PORT = -1;
/** Added to it while there are handles in the payload that have not arrived. */
const HANDLES = 32;

/** G_CANCEL: 0, a reference to the encoded reason in the heap, or this. */
const NO_REASON = 1;

export class GTable {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #bytes: Bytes;
  readonly #heap: Heap;
  readonly #meter: Meter | undefined;
  readonly #times: RunTimes;
  readonly #free: number[] = [];
  /**
   * Free, but a mail to their last runner (a cancellation, or arguments that it did not live to see) is still on its
   * way: nobody can mail the next one before that is read.
   */
  readonly #mailed: number[] = [];
  /** Of this owner's. */
  readonly first: number;
  #untouched: number;
  readonly #end: number;
  #nextId = 0;
  #lastId = -1;

  constructor(arena: Arena, owner: number, handles?: References, meter?: Meter) {
    this.#arena = arena;
    this.#meter = meter;
    this.#times = new RunTimes(arena);
    this.#bytes = { i32: arena.i32, u8: arena.u8, handles };
    this.#words = arena.i32;
    this.#heap = new Heap(arena, owner);
    this.#untouched = this.first = arena.firstSlot(owner);
    this.#end = this.#untouched + arena.slotsOf(owner);
  }

  /** For what arrives by port. */
  get handles(): References | undefined {
    return this.#bytes.handles;
  }

  /** A free slot of this owner, or -1. The one freed last comes first: its memory is in the cache. */
  allocate(): number {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    return this.#untouched < this.#end ? this.#untouched++ : this.#allocateMailed();
  }

  #allocateMailed(): number {
    // All whose mail has been read, so that a long list is not gone through for each.
    const mailed = this.#mailed.splice(0);
    for (const slot of mailed) (this.#isMailed(slot) ? this.#mailed : this.#free).push(slot);
    return this.#free.pop() ?? -1;
  }

  #isMailed(slot: number): boolean {
    return load(this.#words, this.#arena.g(slot) + G_RUNNER_MAILED) !== 0;
  }

  /** By the owner. Also frees what the payload had. */
  free(slot: number): void {
    this.discard(slot);
    // On ARM this load, after G_FREE was stored, keeps the next id behind it. Partner: seeSlot.
    if (this.#isMailed(slot)) this.#mailed.push(slot);
    else this.#free.push(slot);
  }

  /** By the host, for an owner that died. Another one with its number finds the slot among the untouched ones. */
  discard(slot: number): void {
    const g = this.#arena.g(slot);
    this.dropPayload(slot);
    const reason = load(this.#words, g + G_CANCEL);
    if (reason !== 0 && reason !== NO_REASON) this.#heap.release(reason);
    store(this.#words, g + G_CANCEL, 0);
    this.#dropReport(slot);
    store(this.#words, g + G_STATUS, G_FREE);
  }

  /** Ids are unique in the arena: each isolate takes blocks of 1024 from a shared counter. */
  newId(): number {
    if (this.#nextId > this.#lastId) {
      this.#nextId = add(this.#words, ID_BLOCKS, 1) * 1024 + 1;
      this.#lastId = this.#nextId + 1023;
    }
    return this.#nextId++;
  }

  /** By the owner, of a slot that it just allocated. The arguments follow, then queue(). */
  prepare(slot: number, id: number, definition: number, dedicatedTo = 0, priority = USER_VISIBLE): void {
    const g = this.#arena.g(slot);
    this.#words[g + G_DEDICATED] = (dedicatedTo === 0 ? 0 : DEDICATED) | (priority << PRIORITY_SHIFT);
    store(this.#words, g + G_M, dedicatedTo);
    this.#words[g + G_ID_LOW] = id | 0;
    this.#words[g + G_ID_HIGH] = Math.floor(id / 2 ** 32);
    // Partner: sysmon, which reads what waits in queues. It may have left them by then.
    store(this.#words, g + G_TASK, definition);
  }

  /** By the owner, about to push it: if it dies before, the slot is as free as it was. */
  queue(slot: number): void {
    this.#meter?.queues(slot, this.id(slot), this.definition(slot));
    store(this.#words, this.#arena.g(slot) + G_STATUS, G_QUEUED);
  }

  id(slot: number): number {
    const g = this.#arena.g(slot);
    return this.#words[g + G_ID_HIGH] * 2 ** 32 + (this.#words[g + G_ID_LOW] >>> 0);
  }

  /** By who has the slot to itself: its owner before the push, or its taker. */
  priority(slot: number): number {
    return this.#words[this.#arena.g(slot) + G_DEDICATED] >> PRIORITY_SHIFT;
  }

  definition(slot: number): number {
    return this.#words[this.#arena.g(slot) + G_TASK];
  }

  status(slot: number): number {
    return load(this.#words, this.#arena.g(slot) + G_STATUS);
  }

  runner(slot: number): number {
    return load(this.#words, this.#arena.g(slot) + G_M);
  }

  /** By who took the slot out of a queue, and cannot start it yet. Partner: Burial, if that dies. */
  take(slot: number, isolate: number): void {
    store(this.#words, this.#arena.g(slot) + G_M, isolate);
  }

  /** By the same, or in its name, about to push it into a queue. */
  putBack(slot: number): void {
    this.take(slot, 0);
  }

  /**
   * By the host, of a task whose taker died before it began. True: it is the second one, so the task's module may be what kills
   * them, and the task is lost.
   */
  loseTaken(slot: number): boolean {
    const g = this.#arena.g(slot);
    if ((this.#words[g + G_DEDICATED] & TAKER_DIED) !== 0) {
      return cas(this.#words, g + G_STATUS, G_QUEUED, G_LOST);
    }
    this.#words[g + G_DEDICATED] |= TAKER_DIED;
    return false;
  }

  /** By who took the slot out of a queue. False: it was cancelled, and the caller tells its owner. */
  startRunning(slot: number, isolate: number): boolean {
    this.take(slot, isolate);
    if (cas(this.#words, this.#arena.g(slot) + G_STATUS, G_QUEUED, G_RUNNING)) {
      this.#meter?.begins(slot, this.id(slot));
      return true;
    }
    this.end(slot, isolate, G_DROPPED);
    return false;
  }

  /** By the isolate that took a mail by the runner's link, before it looks at the slot. */
  clearRunnerMail(slot: number): void {
    store(this.#words, this.#arena.g(slot) + G_RUNNER_MAILED, 0);
  }

  /** By the host, of an isolate whose mailbox is closed and empty: one that it had taken out is lost, and none will come. */
  loseRunnerMail(slot: number, isolate: number): void {
    const mark = this.#arena.g(slot) + G_RUNNER_MAILED;
    // A CAS commits the memory of slots that were never used.
    if (load(this.#words, mark) === isolate) cas(this.#words, mark, isolate, 0);
  }

  /** Whether the task is for this thread, which has not begun it. It may be cancelled. */
  isMeantFor(slot: number, isolate: number): boolean {
    return this.isTaken(slot, isolate) && (this.#words[this.#arena.g(slot) + G_DEDICATED] & DEDICATED) !== 0;
  }

  /** The same, or it took the task out of a queue. */
  isTaken(slot: number, isolate: number): boolean {
    const status = this.status(slot);
    return (status === G_QUEUED || status === G_CANCELLED) && this.runner(slot) === isolate;
  }

  /** By the owner. False: it runs, or has ended. */
  cancelQueued(slot: number): boolean {
    return cas(this.#words, this.#arena.g(slot) + G_STATUS, G_QUEUED, G_CANCELLED);
  }

  /** By the runner, or in its name. The owner's mail follows, then told(). */
  end(slot: number, runner: number, status: typeof G_DONE | typeof G_FAILED | typeof G_DROPPED): void {
    store(this.#words, this.#arena.isolate(runner) + M_TELLS, slot + 1);
    store(this.#words, this.#arena.g(slot) + G_STATUS, status);
  }

  told(runner: number): void {
    store(this.#words, this.#arena.isolate(runner) + M_TELLS, 0);
  }

  /** Whether it is the owner's from here on, which knows or will hear of it. */
  hasEnded(slot: number): boolean {
    return this.status(slot) >= G_DONE;
  }

  /** Of a task that has ended: whether the mail to its owner may still be pushed. */
  isBeingTold(slot: number): boolean {
    return load(this.#words, this.#arena.isolate(this.runner(slot)) + M_TELLS) === slot + 1;
  }

  /** By the host, for a runner that died. */
  lose(slot: number): boolean {
    return cas(this.#words, this.#arena.g(slot) + G_STATUS, G_RUNNING, G_LOST);
  }

  /** By the owner, once for a task. Without a reason it is the default one. */
  requestCancel(slot: number, reason: unknown): void {
    const word = this.#arena.g(slot) + G_CANCEL;
    if (load(this.#words, word) === 0) store(this.#words, word, this.#writeReason(reason));
  }

  /** One that cannot be copied, or finds no room in the arena, arrives as the default reason. */
  #writeReason(reason: unknown): number {
    if (reason === undefined) return NO_REASON;
    try {
      return pack(reason, "reason", CELL, undefined, (message) => this.#place(message)) || NO_REASON;
    } catch {
      return NO_REASON;
    }
  }

  /** By the runner. Undefined while nobody asked for it. A reason that cannot be read is the default one. */
  cancelRequest(slot: number): { reason: unknown } | undefined {
    const word = load(this.#words, this.#arena.g(slot) + G_CANCEL);
    if (word === 0) return undefined;
    if (word === NO_REASON) return { reason: undefined };
    try {
      return { reason: decode(this.#bytes, offsetOf(this.#arena, word)) };
    } catch {
      return { reason: undefined };
    }
  }

  /** What the runner is to report. Throws a DataCloneError, or a RangeError if the arena is full. */
  packReport(value: unknown): number {
    return pack(value, "report", CELL, undefined, (message) => {
      if (message.side.length !== 0) throw notInReports();
      return this.#heap.place(message) || refuse(this.#arena);
    });
  }

  /** By the runner, which then mails the owner, if true. Else a mail is under way, and its reader will see this report. */
  report(slot: number, packed: number): boolean {
    // Partner: takeReport(). The earlier one is nobody else's any more.
    const before = exchange(this.#words, this.#arena.g(slot) + G_REPORT, packed);
    if (before !== 0) this.#heap.release(before);
    return before === 0;
  }

  /** By the owner, of a mail that it has unlinked. Undefined: it cannot be read. */
  takeReport(slot: number): { readonly value: unknown } | undefined {
    const packed = exchange(this.#words, this.#arena.g(slot) + G_REPORT, 0);
    if (packed === 0) throw new Error(`Heddle: a report of slot ${slot} was mailed that is not there.`);
    try {
      return this.#heap.take(packed, (at) => ({ value: decode(this.#bytes, at) }));
    } catch {
      return undefined;
    }
  }

  /** One that was never mailed, as its runner or its owner has died. */
  #dropReport(slot: number): void {
    const word = this.#arena.g(slot) + G_REPORT;
    const packed = load(this.#words, word);
    if (packed === 0) return;
    store(this.#words, word, 0);
    this.#heap.release(packed);
  }

  /** Returns what has to go by a message port, if anything. Throws DataCloneError. */
  writeArguments(slot: number, args: readonly unknown[]): Parcel | undefined {
    const at = (this.#arena.g(slot) + G_INLINE) * 4;
    const departures = this.#departures;
    const parcel = encodeArguments(this.#bytes, at, at + INLINE_BYTES, args) >= 0
      ? this.#wroteInline(slot, departures)
      : this.#writeLarge(slot, args, "args");
    if (this.#departures !== departures && hasHandles(args)) {
      this.#times.carriedHandles(this.definition(slot));
    }
    return parcel;
  }

  /** As writeArguments. */
  writeResult(slot: number, value: unknown): Parcel | undefined {
    const at = (this.#arena.g(slot) + G_INLINE) * 4;
    const departures = this.#departures;
    return encodeInto(this.#bytes, at, at + INLINE_BYTES, value, "result") >= 0
      ? this.#wroteInline(slot, departures)
      : this.#writeLarge(slot, value, "result");
  }

  get #departures(): number {
    return this.handles?.departures ?? 0;
  }

  #wroteInline(slot: number, departures: number): undefined {
    this.#words[this.#arena.g(slot) + G_PAYLOAD] = this.#departures === departures
      ? INLINE
      : INLINE + HANDLES;
  }

  #writeLarge(slot: number, value: unknown, root: string): Parcel | undefined {
    const departures = this.#departures;
    let parcel: Parcel | undefined;
    const reference = pack(value, root, SLOT, this.handles, (message) => {
      const placed = this.#place(message);
      if (placed === 0) parcel = parcelOf(message);
      return placed;
    });
    if (parcel !== undefined) {
      this.#meter?.count(METER_BY_PORT);
      this.#meter?.count(METER_BY_PORT_BYTES, parcel.bytes.length);
      this.#meter?.tracer?.instant(POSTED, parcel.bytes.length, this.id(slot));
    }
    const g = this.#arena.g(slot);
    this.#words[g + G_BLOCK] = reference;
    this.#words[g + G_PAYLOAD] = parcel !== undefined
      ? BY_PORT
      : IN_HEAP + (this.#departures === departures ? 0 : HANDLES);
    return parcel;
  }

  #place(message: Message): number {
    return message.side.length === 0 ? this.#heap.place(message) : 0;
  }

  /** Whether nothing of it is under way: for an owner's number to be used again. */
  isAtRest(slot: number): boolean {
    return this.status(slot) === G_FREE && !this.#isMailed(slot);
  }

  isByPort(slot: number): boolean {
    return this.#words[this.#arena.g(slot) + G_PAYLOAD] === BY_PORT;
  }

  /** Once. */
  readPayload(slot: number, classOf?: (name: string) => ErrorClass | undefined): unknown {
    const kind = this.#arena.g(slot) + G_PAYLOAD;
    const at = this.#payloadAt(slot);
    this.#words[kind] &= ~HANDLES;
    return decode(this.#bytes, at, undefined, classOf);
  }

  /** The class of an error in the payload that this isolate does not know, if there is one. */
  unknownErrorClass(slot: number): string | undefined {
    return unknownErrorClass(this.#bytes, this.#payloadAt(slot));
  }

  #payloadAt(slot: number): number {
    const g = this.#arena.g(slot);
    if ((this.#words[g + G_PAYLOAD] & ~HANDLES) === INLINE) return (g + G_INLINE) * 4;
    return offsetOf(this.#arena, this.#words[g + G_BLOCK]);
  }

  dropPayload(slot: number): void {
    const g = this.#arena.g(slot);
    // What arrives here and is not kept is collected. See dropParcel.
    if (this.#words[g + G_PAYLOAD] >= HANDLES) readInVain(this.handles, () => this.readPayload(slot));
    const isInHeap = this.#words[g + G_PAYLOAD] === IN_HEAP;
    // First: whoever dies in between frees it once, and does not leave that to the host.
    this.#words[g + G_PAYLOAD] = INLINE;
    if (isInHeap) this.#heap.release(this.#words[g + G_BLOCK]);
  }
}

function notInReports(): DOMException {
  return new DOMException(
    "report: channels, locks and what cannot be bytes (a SharedArrayBuffer, a MessagePort) are in no report; pass them as arguments",
    "DataCloneError",
  );
}

function refuse({ shape }: Arena): never {
  throw arenaFull(shape.bytes);
}
