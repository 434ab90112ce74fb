/**
 * Spans: room for large values, in units of 64 KiB from the end of the heap downwards. Blocks (heap.ts) grow from its
 * begin upwards.
 *
 * HEAP_GRANTS says how many units each of the two may use: the low half is the blocks', the high half the spans'. Both only
 * grow, by CAS, while their sum is not more than there are, so they never meet. What lies before the first whole unit is the
 * blocks' from the begin.
 *
 * A bit for each unit says whether a span has it. A span is claimed word by word in ascending order, by CAS. Who finds one of
 * its bits taken meanwhile gives the claimed ones back and looks again; the one that holds the highest word never has to
 * because of those behind it, so somebody always comes through. It is freed by one subtraction for each word. Partner: the
 * CAS of who claims the same units next; between the two the memory is nobody's.
 *
 * While an isolate fills or empties a span and nothing refers to it, M_SPAN does. `keep` and `let go` come before others can
 * know of it and before it is freed, so that the host frees what a dead isolate has left there, and nobody frees it twice.
 * A thread that dies between two operations of a claim takes these units with it. V8 ends a thread where a function is
 * entered or a loop begins anew, so there are such places: some nanoseconds of each claim.
 *
 * Rejected: power-of-two classes up to 64 MiB, as for blocks (their memory is never joined again, and a list that is taken
 * whole takes all large ones); a lock around a free list (who dies inside stops all others, and the host must not wait).
 */
import { add, cas, load, store } from "./atomics.ts";
import { type Arena, HEAP_GRANTS, M_SPAN, MAX_UNITS } from "./memory_layout.ts";

/** Bytes. Guess: what a value wastes of address space, not of memory, which is committed by 4 KiB. */
export const UNIT = 1 << 16;

/** A span as one number below 0, a reference: its first unit and how many there are. */
function refer(first: number, count: number): number {
  return -(first * MAX_UNITS + count);
}

function firstOf(reference: number): number {
  return Math.floor(-reference / MAX_UNITS);
}

function countOf(reference: number): number {
  return -reference % MAX_UNITS;
}

/** Its first byte. */
export function spanAt(arena: Arena, reference: number): number {
  return arena.shape.bytes - (firstOf(reference) + countOf(reference)) * UNIT;
}

/** Of the bits [from, to), those in the word that begins with bit `at`. */
function maskOf(at: number, from: number, to: number): number {
  const low = Math.max(from - at, 0);
  const high = Math.min(to - at, 32);
  return (high - low === 32 ? -1 : ((1 << (high - low)) - 1) << low) | 0;
}

export class Spans {
  readonly #words: Int32Array;
  readonly #bits: number;
  readonly #units: number;
  readonly #held: number;
  /** Bytes of the heap before the first whole unit. */
  readonly rest: number;

  constructor(arena: Arena, isolate: number) {
    const bytes = arena.shape.bytes - arena.heapAt;
    this.#words = arena.i32;
    this.#bits = arena.spans;
    this.#units = Math.min(Math.floor(bytes / UNIT), MAX_UNITS - 1);
    this.rest = bytes - this.#units * UNIT;
    this.#held = arena.isolate(isolate) + M_SPAN;
  }

  /** A reference to a span of so many bytes, or 0. */
  allocate(bytes: number): number {
    const count = Math.ceil(bytes / UNIT);
    while (count <= this.#units) {
      const first = this.#find(count);
      if (first < 0) break;
      if (this.#claim(first, first + count)) return refer(first, count);
    }
    return 0;
  }

  free(reference: number): void {
    const first = firstOf(reference);
    this.#clear(first, first + countOf(reference));
  }

  /** This isolate has the span in its hands from here on, and until `letGo` nothing else refers to it. */
  keep(reference: number): void {
    store(this.#words, this.#held, reference);
  }

  letGo(): void {
    store(this.#words, this.#held, 0);
  }

  /** By the host. */
  bury(record: number): void {
    const reference = load(this.#words, record + M_SPAN);
    if (reference === 0) return;
    store(this.#words, record + M_SPAN, 0);
    this.free(reference);
  }

  /** How many bytes of the heap's begin the blocks may use, at least `bytes`; 0 if these cannot be had. */
  grantBlocks(bytes: number): number {
    const wanted = Math.ceil((bytes - this.rest) / UNIT);
    for (;;) {
      const grants = load(this.#words, HEAP_GRANTS);
      const blocks = grants & 0xffff;
      if (wanted <= blocks) return this.rest + blocks * UNIT;
      if (wanted + (grants >>> 16) > this.#units) return 0;
      if (cas(this.#words, HEAP_GRANTS, grants, grants + wanted - blocks)) return this.rest + wanted * UNIT;
    }
  }

  /** The first unit of as many free ones, of which more are granted if need be; -1 if there are none. */
  #find(count: number): number {
    for (;;) {
      const grants = load(this.#words, HEAP_GRANTS);
      const end = grants >>> 16;
      let first = 0;
      for (let at = 0; at < end; at += 32) {
        const bits = load(this.#words, this.#bits + (at >> 5));
        if (bits === 0 && at + 32 <= end && at + 32 - first < count) continue;
        for (let unit = at; unit < at + 32 && unit < end; unit++) {
          if ((bits >>> (unit - at) & 1) !== 0) first = unit + 1;
          else if (unit + 1 - first === count) return first;
        }
      }
      const more = first + count - end;
      if (end + more + (grants & 0xffff) > this.#units) return -1;
      if (cas(this.#words, HEAP_GRANTS, grants, grants + (more << 16))) return first;
    }
  }

  #claim(from: number, to: number): boolean {
    for (let at = from & ~31; at < to; at += 32) {
      const word = this.#bits + (at >> 5);
      const mask = maskOf(at, from, to);
      for (;;) {
        const before = load(this.#words, word);
        if ((before & mask) !== 0) {
          this.#clear(from, at);
          return false;
        }
        if (cas(this.#words, word, before, before | mask)) break;
      }
    }
    return true;
  }

  #clear(from: number, to: number): void {
    for (let at = from & ~31; at < to; at += 32) {
      const mask = maskOf(at, from, to);
      const before = add(this.#words, this.#bits + (at >> 5), -mask);
      if ((before & mask) !== mask) throw new Error(`Heddle: units from ${from} to ${to} were freed twice.`);
    }
  }
}
