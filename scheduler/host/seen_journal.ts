/** The journal of a thread (tracing/journal.ts) as a dump sees it, which neither stops nor asks the thread. */
import { load } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import {
  AWAITS,
  BEGUN,
  CHUNK_BYTES,
  ENTRY_WORDS,
  FREE,
  HOLDS,
  J_BYTES,
  J_COUNT,
  J_HAS_ENTRIES,
  J_KIND,
  J_NEXT,
  J_OTHER,
  J_PLACE,
  J_SINCE,
  J_TASK,
  J_TURN,
  J_WHAT,
  WHAT_BYTES,
} from "../arena/layout/journal.ts";
import { METER_JOURNAL } from "../arena/layout/meter.ts";
import { spanAt } from "../arena/spans.ts";
import { MOST_LOOKS } from "../slots/seen_slot.ts";

/** An entry that was there at one moment. */
export interface SeenEntry {
  /** BEGUN, AWAITS or HOLDS. */
  readonly kind: number;
  readonly task: number;
  /** Its parent, or the task that it awaits; 0: neither. Of HOLDS how often. */
  readonly other: number;
  /** Milliseconds since then. */
  readonly forMs: number;
  /** A key, or lines of the source; "" if there was no room for them. */
  readonly place: string;
  readonly what: string;
  /** Its task has its turn. */
  readonly hasTurn: boolean;
}

export class SeenJournal {
  /** Entries that changed at each look. */
  unstable = 0;
  readonly entries: SeenEntry[] = [];
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #copy = new Int32Array(ENTRY_WORDS);
  readonly #bytes = new Uint8Array(this.#copy.buffer, J_WHAT * 4, WHAT_BYTES);
  readonly #decoder = new TextDecoder();
  #last = new Uint8Array();
  #lastText = "";
  /** By its word. */
  readonly #texts = new Map<number, string>();
  readonly #now = Math.round(performance.timeOrigin + performance.now());

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.i32;
  }

  /** Of a thread that is up. */
  see(isolate: number): void {
    let turn = -1;
    for (let next = load(this.#words, this.#arena.meter(isolate) + METER_JOURNAL); next !== 0;) {
      const chunk = spanAt(this.#arena, next) / 4;
      if (turn < 0) turn = load(this.#words, chunk + J_TURN);
      next = load(this.#words, chunk + J_NEXT);
      if (load(this.#words, chunk + J_HAS_ENTRIES) === 0) continue;
      const end = chunk + CHUNK_BYTES / 4;
      for (let entry = chunk + ENTRY_WORDS; entry < end; entry += ENTRY_WORDS) {
        // What was never written begins with 0, and so is the rest of the chunk.
        if (load(this.#words, entry + J_COUNT) === 0) break;
        this.#look(entry, turn);
      }
    }
  }

  #look(entry: number, turn: number): void {
    for (let i = 0; i < MOST_LOOKS; i++) {
      const kind = this.#read(entry);
      if (kind === FREE) return;
      if (kind < 0) continue;
      this.entries.push({
        kind,
        task: this.#wide(J_TASK),
        other: this.#wide(J_OTHER),
        // The clock may have been set back.
        forMs: Math.max(0, this.#now - this.#wide(J_SINCE)),
        place: this.#text(this.#copy[J_PLACE]),
        what: this.#what(this.#copy[J_BYTES]),
        hasTurn: entry === turn,
      });
      return;
    }
    this.unstable++;
  }

  /** Its kind; below 0: it has changed meanwhile. */
  #read(entry: number): number {
    const words = this.#words;
    const count = load(words, entry + J_COUNT);
    if ((count & 1) === 1) return -1;
    for (let i = 1; i < J_WHAT; i++) this.#copy[i] = load(words, entry + i);
    // What is read meanwhile may be anything.
    const end = Math.min(ENTRY_WORDS, J_WHAT + Math.ceil(Math.max(0, this.#copy[J_BYTES]) / 4));
    for (let i = J_WHAT; i < end; i++) this.#copy[i] = load(words, entry + i);
    if (load(words, entry + J_COUNT) !== count) return -1;
    const kind = this.#copy[J_KIND];
    if (kind !== FREE && kind !== BEGUN && kind !== AWAITS && kind !== HOLDS) {
      throw new Error(`Heddle: the journal has an entry of kind ${kind}.`);
    }
    return kind;
  }

  #wide(at: number): number {
    return this.#copy[at + 1] * 2 ** 32 + (this.#copy[at] >>> 0);
  }

  /** One after the other often awaits the same. */
  #what(bytes: number): string {
    if (bytes === 0) return "";
    let isSame = bytes === this.#last.length;
    for (let i = 0; isSame && i < bytes; i++) isSame = this.#bytes[i] === this.#last[i];
    if (isSame) return this.#lastText;
    this.#last = this.#bytes.slice(0, bytes);
    return this.#lastText = this.#decoder.decode(this.#last);
  }

  #text(at: number): string {
    if (at === 0) return "";
    const known = this.#texts.get(at);
    if (known !== undefined) return known;
    // TextDecoder refuses shared memory: slice() copies.
    const bytes = this.#arena.u8.slice((at + 1) * 4, (at + 1) * 4 + this.#words[at]);
    const text = this.#decoder.decode(new Uint8Array(bytes));
    this.#texts.set(at, text);
    return text;
  }
}
