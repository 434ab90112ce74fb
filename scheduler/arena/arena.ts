/**
 * The arena: one SharedArrayBuffer, and where everything in it lies. layout/ has the records, by their kinds. All offsets are
 * indexes of 32-bit words unless they say bytes. Fresh memory is zero, and zero is a valid start of every structure
 * here, so a new arena needs no initialisation and commits only what is touched.
 *
 * Words that different threads write often stand on cache lines of their own (16 words).
 */
import { HEADER_END, LINE, MAX_UNITS } from "./layout/header.ts";
import { HOST, M_WORDS } from "./layout/m.ts";
import { METER_WORDS, QUEUED_AT_WORDS } from "./layout/meter.ts";
import {
  CODE_WORDS,
  MAX_NATIVE_THREADS,
  NATIVE_HOST_WORDS,
  NATIVE_STATUS_WORDS,
  NATIVE_WORDS,
  POLLER_WORDS,
  QUEUE_WORDS,
} from "./layout/native.ts";
import { MAX_PROCS, P_WORDS } from "./layout/p.ts";
import {
  D_WORDS,
  G_WORDS,
  MAX_DEFINITIONS,
  PRIORITY_COUNT,
  SLOTS_PER_THREAD,
  TASK_NAME_BYTES,
} from "./layout/slot.ts";

/** What has to be agreed on before an arena can be read. The host makes it, the threads get it with the buffer. */
export interface ArenaShape {
  /** G slots of the host: tasks from outside that can be in flight at once. */
  readonly maxTasks: number;
  readonly maxThreads: number;
  /** Of the whole arena. */
  readonly bytes: number;
}

/** The smallest `bytes` for a shape: everything but the heap, and a heap of 1 MiB. */
export function leastArenaBytes(maxTasks: number, maxThreads: number): number {
  return offsets(maxTasks, maxThreads).heapBytes + (1 << 20);
}

/** Isolate numbers for each thread that there may be: one that has ended keeps its own while children of it are in flight. Guess. */
const NUMBERS_PER_THREAD = 2;

function offsets(maxTasks: number, maxThreads: number) {
  const numbers = maxThreads * NUMBERS_PER_THREAD;
  const slots = maxTasks + numbers * SLOTS_PER_THREAD;
  // The global queue must never be full: every slot can be in it once, and every thread twice (after a death).
  const globalCapacity = 2 ** Math.ceil(Math.log2(slots + 2 * numbers + 1));
  const processors = HEADER_END;
  const isolates = processors + MAX_PROCS * P_WORDS;
  const globalCells = isolates + (numbers + 1) * M_WORDS;
  const definitions = globalCells + globalCapacity * 2 * PRIORITY_COUNT;
  const names = definitions + MAX_DEFINITIONS * D_WORDS;
  const gs = lineUp(names + TASK_NAME_BYTES / 4);
  const codeRanges = lineUp(gs + slots * G_WORDS);
  const native = lineUp(codeRanges + CODE_WORDS);
  const poller = lineUp(native + NATIVE_WORDS);
  const spans = poller + POLLER_WORDS;
  const meters = lineUp(spans + MAX_UNITS / 32);
  // The host's, those of the threads, and sysmon's.
  const queuedAt = meters + (numbers + 2) * METER_WORDS;
  const heapBytes = lineUp(queuedAt + slots * QUEUED_AT_WORDS) * 4;
  return {
    numbers,
    slots,
    globalCapacity,
    processors,
    isolates,
    globalCells,
    definitions,
    names,
    gs,
    codeRanges,
    native,
    poller,
    spans,
    meters,
    queuedAt,
    heapBytes,
  };
}

function lineUp(index: number): number {
  return Math.ceil(index / LINE) * LINE;
}

export class Arena {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
  readonly slots: number;
  readonly globalCapacity: number;
  readonly globalCells: number;
  /** In bytes, as are the next two. */
  readonly namesAt: number;
  readonly namesBytes = TASK_NAME_BYTES;
  readonly heapAt: number;
  /** A bit for each unit of the heap, from its end: in use by a span. */
  readonly spans: number;
  readonly codeRanges: number;
  readonly nativeHost: number;
  /** The queue of the pool; others are not in the arena. */
  readonly nativeQueue: number;
  readonly nativeStatuses: number;
  readonly nativeCalls: number;
  /** The struct of the one thread that waits for descriptors. */
  readonly poller: number;
  /** The highest isolate number. */
  readonly numbers: number;
  /** Words of O_ISOLATES. */
  readonly isolateBits: number;
  readonly #processors: number;
  readonly #isolates: number;
  readonly #gs: number;
  readonly #definitions: number;
  readonly #meters: number;
  readonly #queuedAt: number;

  constructor(
    readonly shape: ArenaShape,
    readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(shape.bytes),
  ) {
    const at = offsets(shape.maxTasks, shape.maxThreads);
    this.i32 = new Int32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.slots = at.slots;
    this.globalCapacity = at.globalCapacity;
    this.globalCells = at.globalCells;
    this.#definitions = at.definitions;
    this.namesAt = at.names * 4;
    this.heapAt = at.heapBytes;
    this.spans = at.spans;
    this.codeRanges = at.codeRanges;
    this.nativeHost = at.native;
    this.nativeQueue = this.nativeHost + NATIVE_HOST_WORDS;
    this.nativeStatuses = this.nativeQueue + QUEUE_WORDS;
    this.nativeCalls = this.nativeStatuses + MAX_NATIVE_THREADS * NATIVE_STATUS_WORDS;
    this.poller = at.poller;
    this.numbers = at.numbers;
    this.isolateBits = (at.numbers >> 5) + 1;
    this.#processors = at.processors;
    this.#isolates = at.isolates;
    this.#gs = at.gs;
    this.#meters = at.meters;
    this.#queuedAt = at.queuedAt;
  }

  processor(p: number): number {
    return this.#processors + p * P_WORDS;
  }

  isolate(number: number): number {
    return this.#isolates + number * M_WORDS;
  }

  definition(number: number): number {
    return this.#definitions + number * D_WORDS;
  }

  g(slot: number): number {
    return this.#gs + slot * G_WORDS;
  }

  /** Of an isolate, or of sysmon. */
  meter(number: number): number {
    return this.#meters + number * METER_WORDS;
  }

  get sysmonMeter(): number {
    return this.numbers + 1;
  }

  /** In `f64`. */
  queuedAt(slot: number): number {
    return (this.#queuedAt + slot * QUEUED_AT_WORDS) / 2;
  }

  /** The first of the slots that an isolate owns. */
  firstSlot(isolate: number): number {
    return isolate === HOST ? 0 : this.shape.maxTasks + (isolate - 1) * SLOTS_PER_THREAD;
  }

  slotsOf(isolate: number): number {
    return isolate === HOST ? this.shape.maxTasks : SLOTS_PER_THREAD;
  }

  ownerOf(slot: number): number {
    const beyond = slot - this.shape.maxTasks;
    return beyond < 0 ? HOST : 1 + Math.floor(beyond / SLOTS_PER_THREAD);
  }
}
