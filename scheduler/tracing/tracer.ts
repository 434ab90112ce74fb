/**
 * What a thread tells of itself while the scheduler is traced. `Meter.tracer` is it, and undefined otherwise: so a place where
 * something happens has one plain load of an own field. A thread gets its tracer, and loses it, when it looks at the header
 * (TRACING): when the host asks it to, and before each task that it takes; sysmon, which has no mail, at each of its events.
 *
 * A thread makes its ring when it is first traced, and nobody frees it: the next trace uses it again, and so does the next thread
 * of that number. `METER_RING` says where it is.
 *
 * A child that never leaves its thread is told of if it is one of those that are timed anyway (machine/stopwatch.ts).
 *
 * An event is one entry of the ring, of four words. What does not fit into these stands in entries before it, which host/trace_events.ts
 * reads again:
 *
 *   JOINED   the number of the trace, and a time: those that follow count from it, modulo 2^32. The first one of a thread in each
 *            trace, so who reads passes over what it finds before; and after 2^32 of the clock's units again.
 *   WIDE     the high halves of number and duration: of the 2^32nd task, or what took longer than a second.
 *   NAMED    the text behind it has a number from here on: its UTF-8 follows, 16 bytes to an entry.
 *
 * The clock is the CPU's counter where that is one (ffi/counter.ts): a task that comes by a queue takes three looks at it.
 */
import { load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import type { Shim } from "../../ffi/shim.ts";
import { TRACE_COUNTER, TRACING } from "../arena/layout/header.ts";
import { HOST } from "../arena/layout/m.ts";
import { METER_RING } from "../arena/layout/meter.ts";
import {
  EVENT_WORDS,
  HOST_EVENTS,
  KIND_BITS,
  RING_CAPACITY,
  RING_EVENTS,
  THREAD_EVENTS,
} from "../arena/layout/ring.ts";
import { spanAt, Spans } from "../arena/spans.ts";
import { RingWriter } from "./event_ring.ts";
import type { Tap } from "./tap.ts";

// Kinds of events, with `what` and `id`. Those that last have a duration.

/** A task was queued: its definition, its number. By who started it. */
export const QUEUED = 1;
/** A task ran, to its end or its first await: its definition, its number; 0 for a child that never left its thread. Lasts. */
export const RAN = 2;
/** A task ended that had awaited something: its definition or -1, its number. */
export const FINISHED = 3;
/** A blocking call. Lasts. */
export const CALLED = 4;
/** By sysmon: a P was taken from a call: its M, the P. */
export const RETOOK = 5;
/** By sysmon: a P was taken in the middle of a task: its M, the P. */
export const PREEMPTED_P = 6;
/** By sysmon: an M was frozen: which. Lasts. */
export const FROZE = 7;
/** A slot was taken from another P's ring: the slot. */
export const STOLE = 8;
/** The M slept. Lasts. */
export const SLEPT = 9;
/** The M held a P: which. Lasts. */
export const HELD_P = 10;
/** An operation was parked: its text's number, its record. Lasts, until it was completed or taken back. */
export const WAITED = 11;
/** Another isolate's parked operation was completed: its record. */
export const READIED = 12;
/** A region of a task: its name's number, the task. Lasts. */
export const REGION = 13;
/** The same, of an asynchronous function: it may overlap others. */
export const ASYNC_REGION = 14;
/** A value goes by message port: its bytes. */
export const POSTED = 15;
/** A task was in `ctx.sleep` or `ctx.wait`: its text's number. Lasts. */
export const PAUSED = 19;
/** A native call, by the host: its name's number. Lasts, from its start to its result. */
export const CALLED_NATIVE = 20;
/** A text: its number, and how many bytes follow. */
export const NAMED = 16;
/** Which trace, and in the words of number and duration its time. */
export const JOINED = 17;
/** In the words of number and duration what is high of them. */
export const WIDE = 18;

/** Durations of these are nanoseconds: what measures them does so whether it is traced or not. */
export function isMeasuredInNs(kind: number): boolean {
  return kind === CALLED || kind === FROZE;
}

/** Texts that a thread gives numbers to: the next ones have none. Guess. */
const MOST_NAMES = 4096;
/** Bytes of a text: what is behind them is left out. Guess. */
const LONGEST_NAME = 1024;
const ENTRY_BYTES = EVENT_WORDS * 4;
const HIGH = 2 ** 32;

/** Of a thread. */
export type Clocks = Pick<Shim, "nowNs" | "ticks">;

/** Ids of operations that one thread alone knows are above those of records. */
const LOCAL = 2 ** 32;
/** By thread. */
const MOST_LOCALS = 2 ** 24;

/** What lasts, and has its end elsewhere. */
interface Begun {
  readonly since: number;
  readonly text: string;
  /** Of an operation that the thread alone knows; 0: nobody has asked. */
  id: number;
}

export class Tracer implements Tap {
  readonly #words: Int32Array;
  readonly #ring: RingWriter;
  readonly #clocks: Clocks;
  readonly #names = new Map<string, number>();
  readonly #begun = new Map<object, Begun>();
  /** The thread's number, and how many ids it has given. */
  readonly #number: number;
  #locals = 0;
  /** Which trace it tells, as far as the thread knows; 0: none. */
  #trace = 0;
  /** Of the last JOINED; Infinity: there is none. */
  #base = Infinity;
  #now: () => number;
  #ranFrom = 0;
  #sleptFrom = 0;
  #heldFrom = 0;
  #held = -1;

  private constructor(words: Int32Array, at: number, clocks: Clocks, number: number) {
    this.#words = words;
    this.#number = number;
    this.#ring = new RingWriter(words, at);
    this.#clocks = clocks;
    this.#now = clocks.nowNs;
  }

  /** What the header says. */
  static current(arena: Arena): number {
    return load(arena.i32, TRACING);
  }

  /**
   * What the header says by now, to the thread's tracer, of which it has one for life: two would not know of each other's events. It
   * is made as it is first needed; none if there is no room for a ring. `number`: that of the meter.
   */
  static look(
    arena: Arena,
    number: number,
    clocks: Clocks,
    own: Tracer | undefined,
    trace: number = Tracer.current(arena),
  ): Tracer | undefined {
    if (own === undefined && trace !== 0) {
      const isolate = number === arena.sysmonMeter ? HOST : number;
      const at = ringOf(arena, number) || makeRing(arena, number, isolate);
      if (at !== 0) own = new Tracer(arena.i32, at, clocks, number);
    }
    if (own !== undefined) own.#join(trace);
    return own;
  }

  /**
   * What began in one trace is in no other one, and who reads the next has not read the texts of this. Operations are forgotten as
   * soon as it is over: each would keep the channel or lock that it waits for.
   */
  #join(trace: number): void {
    if (trace === this.#trace) return;
    this.#trace = trace;
    this.#names.clear();
    this.#begun.clear();
    if (trace === 0) return;
    this.#ranFrom = this.#sleptFrom = 0;
    this.#held = -1;
    this.#base = Infinity;
    this.#now = load(this.#words, TRACE_COUNTER) === 1 ? this.#clocks.ticks : this.#clocks.nowNs;
    if (!this.#ring.begin(1)) return;
    this.#countFrom(this.#now());
    this.#ring.end();
  }

  #countFrom(time: number): void {
    this.#base = time;
    this.#ring.put(JOINED | this.#trace << KIND_BITS, 0, time | 0, Math.floor(time / HIGH));
  }

  get isOn(): boolean {
    return this.#trace !== 0;
  }

  #tell(kind: number, what: number, id: number, time: number, duration: number): void {
    const ring = this.#ring;
    const since = time - this.#base;
    const isFar = !(since >= 0 && since < HIGH);
    const isWide = id >= HIGH || duration >= HIGH;
    if (!ring.begin(1 + (isFar ? 1 : 0) + (isWide ? 1 : 0))) return;
    if (isFar) this.#countFrom(time);
    if (isWide) ring.put(WIDE, 0, Math.floor(id / HIGH), Math.floor(duration / HIGH));
    ring.put(kind | what << KIND_BITS, (time - this.#base) | 0, id | 0, duration | 0);
    ring.end();
  }

  instant(kind: number, what: number, id: number): void {
    this.#tell(kind, what, id, this.#now(), 0);
  }

  /** Until now, of those that are measured in nanoseconds. */
  lasted(kind: number, what: number, id: number, ns: number): void {
    this.#tell(kind, what, id, this.#now(), ns);
  }

  #lastedFrom(kind: number, what: number, id: number, from: number): void {
    const now = this.#now();
    this.#tell(kind, what, id, now, now - from);
  }

  // Tasks -------------------------------------------------------------------------------------------------------------

  begins(): void {
    this.#ranFrom = this.#now();
  }

  ran(definition: number, id: number): void {
    if (this.#ranFrom === 0) return;
    this.#lastedFrom(RAN, definition, id, this.#ranFrom);
    this.#ranFrom = 0;
  }

  /** `locks`: its end is the scheduler's, where the thread is not frozen. */
  region<T>(name: string, id: number, fn: () => T, locks: { hold(): void; release(): void }): T {
    const trace = this.#trace;
    const from = this.#now();
    let isAsync = false;
    const end = (kind: number) => {
      // It may have been asynchronous, and that trace is over.
      if (this.#trace !== trace) return;
      locks.hold();
      this.#lastedFrom(kind, this.#numberOf(name), id, from);
      locks.release();
    };
    try {
      const result = fn();
      if (result instanceof Promise) {
        isAsync = true;
        const ended = () => end(ASYNC_REGION);
        result.then(ended, ended);
      }
      return result;
    } finally {
      if (!isAsync) end(REGION);
    }
  }

  // Threads -----------------------------------------------------------------------------------------------------------

  sleeps(): void {
    this.#sleptFrom = this.#now();
  }

  wakes(): void {
    if (this.#sleptFrom === 0) return;
    this.#lastedFrom(SLEPT, 0, 0, this.#sleptFrom);
    this.#sleptFrom = 0;
  }

  takes(p: number): void {
    this.#held = p;
    this.#heldFrom = this.#now();
  }

  /** Its P is gone. Of one that sysmon took it says so itself, and from when on. */
  loses(): void {
    if (this.#held < 0) return;
    this.#lastedFrom(HELD_P, this.#held, 0, this.#heldFrom);
    this.#held = -1;
  }

  // Operations --------------------------------------------------------------------------------------------------------

  waits(what: object, text: string): void {
    this.#begun.set(what, { since: this.#now(), text, id: 0 });
  }

  /** If it began in this trace. */
  waited(what: object, kind: number, id: number): void {
    const begun = this.#begun.get(what);
    if (begun === undefined) return;
    this.#begun.delete(what);
    this.#lastedFrom(kind, this.#numberOf(begun.text), id || begun.id, begun.since);
  }

  readied(what: object): void {
    const begun = this.#begun.get(what);
    if (begun === undefined) return;
    begun.id = LOCAL + this.#number * MOST_LOCALS + (this.#locals++ & (MOST_LOCALS - 1));
    this.instant(READIED, 0, begun.id);
  }

  // Texts -------------------------------------------------------------------------------------------------------------

  /** 0: it has none. */
  #numberOf(text: string): number {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size === MOST_NAMES || this.#base === Infinity) return 0;
    const bytes = new TextEncoder().encode(text).subarray(0, LONGEST_NAME);
    const entries = Math.ceil(bytes.length / ENTRY_BYTES);
    if (!this.#ring.begin(1 + entries)) return 0;
    const number = this.#names.size + 1;
    this.#ring.put(NAMED | number << KIND_BITS, 0, bytes.length, 0);
    const words = new Int32Array(entries * EVENT_WORDS);
    new Uint8Array(words.buffer).set(bytes);
    for (let at = 0; at < words.length; at += EVENT_WORDS) {
      this.#ring.put(words[at], words[at + 1], words[at + 2], words[at + 3]);
    }
    this.#ring.end();
    this.#names.set(text, number);
    return number;
  }
}

/** The word where the ring of that meter's thread begins, or 0. */
export function ringOf(arena: Arena, number: number): number {
  const reference = load(arena.i32, arena.meter(number) + METER_RING);
  return reference === 0 ? 0 : spanAt(arena, reference) / 4;
}

/** By the thread. 0: there is no room. */
function makeRing(arena: Arena, number: number, isolate: number): number {
  const capacity = number === HOST ? HOST_EVENTS : THREAD_EVENTS;
  const words = RING_EVENTS + capacity * EVENT_WORDS;
  // A thread that dies before the store takes the room with it.
  const reference = new Spans(arena, isolate).allocate(words * 4);
  if (reference === 0) return 0;
  const at = spanAt(arena, reference) / 4;
  // The room had been another value's.
  arena.i32.fill(0, at, at + RING_EVENTS);
  arena.i32[at + RING_CAPACITY] = capacity;
  store(arena.i32, arena.meter(number) + METER_RING, reference);
  return at;
}
