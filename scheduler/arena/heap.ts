/**
 * Blocks for payloads that do not fit into a G slot, and for what tasks share: power-of-two classes from 64 bytes to
 * 1 MiB. Payloads of more than 32 KiB lie in spans (spans.ts). What finds no room goes by a message port
 * (side_channel.ts), so a full heap is no error for payloads.
 *
 * Every isolate keeps its own lists and touches shared words only to take or give many blocks at once. The shared
 * list of a class is, like a mailbox, a stack that is pushed by CAS and taken whole by exchange: no lock, no ABA. A
 * thread that dies takes the blocks in its own lists with it: at most a few dozen of each class that it used.
 *
 * A free block's first word is the link to the next one. Plain access: a block belongs to the isolate that has it.
 */
import { cas, exchange, load } from "./atomics.ts";
import type { Arena } from "./arena.ts";
import { HEAP_FREE, HEAP_TOP } from "./layout/header.ts";
import { spanAt, Spans } from "./spans.ts";

const LEAST_SHIFT = 6;
/** Bytes of a block of class 0: one cache line, as the record of a parked operation takes. */
export const LEAST_BLOCK = 1 << LEAST_SHIFT;
export const BLOCK_CLASSES = 15;
/** 1 MiB, which a channel of 65,000 values takes. */
export const LARGEST_BLOCK = 1 << (LEAST_SHIFT + BLOCK_CLASSES - 1);
/** Guess: blocks that an isolate keeps of a class before it gives them back. */
const MOST_CACHED = 32;
/** Bytes: a larger payload has a span. To find one takes 0.2 us, to copy that much 1.5 us. */
const LARGEST_VALUE = 1 << 15;

interface FreeList {
  head: number;
  /** Of the blocks that this isolate freed; the last one's link ends the list. */
  tail: number;
  count: number;
  /** A second list: what was taken from the shared one. */
  stock: number;
}

/** What is to lie in the heap: bytes, and further ones at their offsets. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly bulk: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  /** Of all. */
  readonly size: number;
}

/**
 * A block as one number, a reference: its offset plus its class, for which there is room, as offsets are multiples of the
 * smallest block. 0 is none; what is below 0 refers to a span.
 */
const CLASS = LEAST_BLOCK - 1;

/** The first byte of what is referred to. */
export function offsetOf(arena: Arena, reference: number): number {
  return reference < 0 ? spanAt(arena, reference) : reference & ~CLASS;
}

export function blockClass(bytes: number): number {
  return bytes <= 1 << LEAST_SHIFT ? 0 : 32 - Math.clz32(bytes - 1) - LEAST_SHIFT;
}

export class Heap {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #lists: FreeList[];
  readonly #spans: Spans;
  /** Bytes from the heap's begin that blocks may be cut from; there may be more by now. */
  #granted: number;

  constructor(arena: Arena, isolate: number) {
    this.#arena = arena;
    this.#spans = new Spans(arena, isolate);
    this.#granted = this.#spans.rest;
    this.#words = arena.i32;
    this.#lists = Array.from({ length: BLOCK_CLASSES }, () => ({ head: 0, tail: 0, count: 0, stock: 0 }));
  }

  /** The byte offset of a block, or 0 when the heap is full. */
  allocate(sizeClass: number): number {
    const list = this.#lists[sizeClass];
    if (list.head !== 0) {
      const block = list.head;
      list.head = this.#words[block >> 2];
      list.count--;
      return block;
    }
    if (list.stock === 0 && load(this.#words, HEAP_FREE + sizeClass) !== 0) {
      list.stock = exchange(this.#words, HEAP_FREE + sizeClass, 0);
    }
    if (list.stock !== 0) {
      const block = list.stock;
      list.stock = this.#words[block >> 2];
      return block;
    }
    return this.#carve(sizeClass);
  }

  /** A reference to these bytes in the heap; 0 when there is no room. */
  put(bytes: Uint8Array): number {
    return this.place({ bytes, bulk: [], size: bytes.length });
  }

  place(payload: Payload): number {
    if (payload.size > LARGEST_VALUE) return this.#placeInSpan(payload);
    const sizeClass = blockClass(payload.size);
    const block = this.allocate(sizeClass);
    if (block === 0) return 0;
    this.#fill(block, payload);
    return block + sizeClass;
  }

  #placeInSpan(payload: Payload): number {
    const reference = this.#spans.allocate(payload.size);
    if (reference === 0) return 0;
    this.#spans.keep(reference);
    this.#fill(spanAt(this.#arena, reference), payload);
    this.#spans.letGo();
    return reference;
  }

  #fill(at: number, { bytes, bulk }: Payload): void {
    this.#arena.u8.set(bytes, at);
    for (const piece of bulk) this.#arena.u8.set(piece.bytes, at + piece.at);
  }

  /** What `read` makes of it; then it is freed. Nothing else refers to it any more. */
  take<T>(reference: number, read: (at: number) => T): T {
    if (reference < 0) this.#spans.keep(reference);
    try {
      return read(offsetOf(this.#arena, reference));
    } finally {
      if (reference < 0) this.#spans.letGo();
      this.release(reference);
    }
  }

  release(reference: number): void {
    if (reference < 0) this.#spans.free(reference);
    else this.free(reference & ~CLASS, reference & CLASS);
  }

  /** By the host, of an isolate that died. */
  bury(isolate: number): void {
    this.#spans.bury(this.#arena.isolate(isolate));
  }

  free(block: number, sizeClass: number): void {
    const list = this.#lists[sizeClass];
    this.#words[block >> 2] = list.head;
    if (list.head === 0) list.tail = block;
    list.head = block;
    if (++list.count < MOST_CACHED) return;
    for (;;) {
      const before = load(this.#words, HEAP_FREE + sizeClass);
      this.#words[list.tail >> 2] = before;
      // Partner: the exchange in allocate().
      if (cas(this.#words, HEAP_FREE + sizeClass, before, list.head)) break;
    }
    list.head = 0;
    list.count = 0;
  }

  /** HEAP_TOP counts units of the smallest block, and never passes what is granted. */
  #carve(sizeClass: number): number {
    const units = 1 << sizeClass;
    for (;;) {
      const top = load(this.#words, HEAP_TOP);
      const at = this.#arena.heapAt + top * LEAST_BLOCK;
      const end = (top + units) * LEAST_BLOCK;
      if (end > this.#granted) {
        const granted = this.#spans.grantBlocks(end);
        if (granted === 0) return 0;
        this.#granted = granted;
      }
      if (cas(this.#words, HEAP_TOP, top, top + units)) return at;
    }
  }
}

export function arenaFull(bytes: number): RangeError {
  return new RangeError(
    `The arena of ${bytes} bytes is full: start the scheduler with a larger arenaBytes, or have less parked at once.`,
  );
}
