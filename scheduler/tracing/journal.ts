/**
 * What a thread writes down about its tasks with `stacks: true`: which have begun, and what each of them awaits, since when and
 * where. A dump reads it (host/seen_journal.ts) while the thread hangs, so it stands in the arena before the thread goes on.
 *
 * An entry of fixed size for each task that has begun and for each await that has not ended, in chunks that nobody frees: the next
 * thread of that number begins them anew, and until it is up (M_TID) nobody reads. Texts that come again and again (lines of the
 * source, keys of definitions) are written once, into chunks of their own, and never change.
 *
 * The thread is the only writer. Who reads looks at J_COUNT before and after: it is odd while the entry is written, and after that
 * another one. All words are stored and loaded, so what was read between two equal, even counts was there at one moment. A text is
 * written plainly, before the first entry that names it is stored.
 */
import { load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import {
  CHUNK_BYTES,
  ENTRY_WORDS,
  FREE,
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
import { spanAt, Spans } from "../arena/spans.ts";

/** Chunks of texts: then places are unknown. Guess: ten thousand lines of source that await something. */
const MOST_TEXT_CHUNKS = 16;
const CHUNK_WORDS = CHUNK_BYTES / 4;
/** Bytes of a text: what is behind them is left out. Guess. */
const LONGEST_TEXT = 2048;
const HIGH = 2 ** 32;

/** A chunk that is being filled: [at, end) of it is nobody's yet. */
interface Filling {
  at: number;
  end: number;
}

export class Journal {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #spans: Spans;
  /** The first chunk, and the one after which the next comes. 0: there is no room even for one. */
  readonly #first: number;
  #last: number;
  /** Of a thread that had the number before, which are used again. */
  readonly #kept: number[] = [];
  readonly #free: number[] = [];
  #entries: Filling = { at: 0, end: 0 };
  #texts: Filling = { at: 0, end: 0 };
  #textChunks = 0;
  readonly #known = new Map<string, number>();
  readonly #encoder = new TextEncoder();
  readonly #bytes = new Uint8Array(WHAT_BYTES);
  readonly #asWords = new Int32Array(this.#bytes.buffer);

  /** By the thread, before it is up. */
  constructor(arena: Arena, isolate: number) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#spans = new Spans(arena, isolate);
    const root = arena.meter(isolate) + METER_JOURNAL;
    for (let next = load(this.#words, root); next !== 0;) {
      const chunk = spanAt(arena, next) / 4;
      next = load(this.#words, chunk + J_NEXT);
      this.#words.fill(0, chunk + 1, chunk + CHUNK_WORDS);
      this.#kept.push(chunk);
    }
    this.#first = this.#last = this.#kept.shift() ?? this.#makeChunk(root);
    if (this.#first !== 0) this.#entries = this.#openEntries(this.#first);
  }

  /** A task begins, or awaits something. What tells it as over; 0: there is no room. */
  open(kind: number, task: number, other: number, place: number, what: string): number {
    const entry = this.#free.pop() ?? this.#takeEntry();
    if (entry === 0) return 0;
    const words = this.#words;
    const { read: _, written } = this.#encoder.encodeInto(what, this.#bytes);
    const count = load(words, entry + J_COUNT);
    store(words, entry + J_COUNT, count + 1);
    store(words, entry + J_KIND, kind);
    this.#storeWide(entry + J_TASK, task);
    this.#storeWide(entry + J_OTHER, other);
    this.#storeWide(entry + J_SINCE, Math.floor(performance.timeOrigin + performance.now()));
    store(words, entry + J_PLACE, place);
    store(words, entry + J_BYTES, written);
    for (let i = 0; i * 4 < written; i++) store(words, entry + J_WHAT + i, this.#asWords[i]);
    store(words, entry + J_COUNT, (count + 2) | 0);
    return entry;
  }

  /** It has ended. */
  close(entry: number): void {
    if (entry === 0) return;
    const count = load(this.#words, entry + J_COUNT);
    store(this.#words, entry + J_COUNT, count + 1);
    store(this.#words, entry + J_KIND, FREE);
    store(this.#words, entry + J_COUNT, (count + 2) | 0);
    this.#free.push(entry);
  }

  /** The task of that entry has its turn; 0: none has. */
  turn(entry: number): void {
    if (this.#first !== 0) store(this.#words, this.#first + J_TURN, entry);
  }

  /** The word where it stands from now on; 0: there is no room. */
  text(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const bytes = this.#encoder.encode(text).subarray(0, LONGEST_TEXT);
    const words = 1 + Math.ceil(bytes.length / 4);
    if (this.#texts.at + words > this.#texts.end && !this.#takeTextChunk()) return 0;
    const { at } = this.#texts;
    this.#texts.at += words;
    this.#words[at] = bytes.length;
    this.#arena.u8.set(bytes, (at + 1) * 4);
    this.#known.set(text, at);
    return at;
  }

  #storeWide(at: number, value: number): void {
    store(this.#words, at, value | 0);
    store(this.#words, at + 1, Math.floor(value / HIGH));
  }

  #takeEntry(): number {
    if (this.#entries.at === this.#entries.end) {
      const chunk = this.#takeChunk();
      if (chunk === 0) return 0;
      this.#entries = this.#openEntries(chunk);
    }
    const entry = this.#entries.at;
    this.#entries.at += ENTRY_WORDS;
    return entry;
  }

  #openEntries(chunk: number): Filling {
    store(this.#words, chunk + J_HAS_ENTRIES, 1);
    return fillingOf(chunk);
  }

  #takeTextChunk(): boolean {
    if (this.#textChunks === MOST_TEXT_CHUNKS) return false;
    const chunk = this.#takeChunk();
    if (chunk === 0) return false;
    this.#textChunks++;
    this.#texts = fillingOf(chunk);
    return true;
  }

  #takeChunk(): number {
    if (this.#first === 0) return 0;
    const kept = this.#kept.shift();
    if (kept === undefined) return this.#makeChunk(this.#last + J_NEXT);
    this.#last = kept;
    return kept;
  }

  /** `link`: the word that is to name it. A thread that dies before the store takes the room with it. */
  #makeChunk(link: number): number {
    const reference = this.#spans.allocate(CHUNK_BYTES);
    if (reference === 0) return 0;
    const chunk = spanAt(this.#arena, reference) / 4;
    // The room had been another value's.
    this.#words.fill(0, chunk, chunk + CHUNK_WORDS);
    store(this.#words, link, reference);
    this.#last = chunk;
    return chunk;
  }
}

function fillingOf(chunk: number): Filling {
  return { at: chunk + ENTRY_WORDS, end: chunk + CHUNK_WORDS };
}
