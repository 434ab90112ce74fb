/**
 * Blocks for payloads that do not fit into a G slot, and for what tasks share: power-of-two classes from 64 bytes to
 * 1 MiB. A payload that is larger goes by a message port (side_channel.ts), so a full heap is no error for those.
 *
 * Every isolate keeps its own lists and touches shared words only to take or give many blocks at once. The shared
 * list of a class is, like a mailbox, a stack that is pushed by CAS and taken whole by exchange: no lock, no ABA. A
 * thread that dies takes the blocks in its own lists with it: at most a few dozen of each class that it used.
 *
 * A free block's first word is the link to the next one. Plain access: a block belongs to the isolate that has it.
 */
import { cas, exchange, load } from "./atomics.ts";
import { type Arena, HEAP_FREE, HEAP_TOP } from "./memory_layout.ts";

const LEAST_SHIFT = 6;
/** Bytes of a block of class 0: one cache line, as the record of a parked operation takes. */
export const LEAST_BLOCK = 1 << LEAST_SHIFT;
export const BLOCK_CLASSES = 15;
export const LARGEST_BLOCK = 1 << (LEAST_SHIFT + BLOCK_CLASSES - 1);
/** Guess: blocks that an isolate keeps of a class before it gives them back. */
const KEEP = 32;

interface FreeList {
  head: number;
  /** Of the blocks that this isolate freed; the last one's link ends the list. */
  tail: number;
  count: number;
  /** A second list: what was taken from the shared one. */
  stock: number;
}

/**
 * A block as one number, a reference: its offset plus its class, for which there is room, as offsets are multiples of the
 * smallest block. 0 is none.
 */
const CLASS = LEAST_BLOCK - 1;

export function offsetOf(reference: number): number {
  return reference & ~CLASS;
}

export function classIn(reference: number): number {
  return reference & CLASS;
}

export function blockClass(bytes: number): number {
  return bytes <= 1 << LEAST_SHIFT ? 0 : 32 - Math.clz32(bytes - 1) - LEAST_SHIFT;
}

export class Heap {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #lists: FreeList[];

  constructor(arena: Arena) {
    this.#arena = arena;
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

  /** A reference to a new block with these bytes; 0 when there is none that could take them. */
  put(bytes: Uint8Array): number {
    if (bytes.length > LARGEST_BLOCK) return 0;
    const sizeClass = blockClass(bytes.length);
    const block = this.allocate(sizeClass);
    if (block === 0) return 0;
    this.#arena.u8.set(bytes, block);
    return block + sizeClass;
  }

  release(reference: number): void {
    this.free(offsetOf(reference), classIn(reference));
  }

  free(block: number, sizeClass: number): void {
    const list = this.#lists[sizeClass];
    this.#words[block >> 2] = list.head;
    if (list.head === 0) list.tail = block;
    list.head = block;
    if (++list.count < KEEP) return;
    for (;;) {
      const before = load(this.#words, HEAP_FREE + sizeClass);
      this.#words[list.tail >> 2] = before;
      // Partner: the exchange in allocate().
      if (cas(this.#words, HEAP_FREE + sizeClass, before, list.head)) break;
    }
    list.head = 0;
    list.count = 0;
  }

  /** HEAP_TOP counts units of the smallest block, and never passes the end. */
  #carve(sizeClass: number): number {
    const units = 1 << sizeClass;
    for (;;) {
      const top = load(this.#words, HEAP_TOP);
      const at = this.#arena.heapAt + top * LEAST_BLOCK;
      if (at + units * LEAST_BLOCK > this.#arena.shape.bytes) return 0;
      if (cas(this.#words, HEAP_TOP, top, top + units)) return at;
    }
  }
}

export function arenaFull(bytes: number): RangeError {
  return new RangeError(
    `The arena of ${bytes} bytes is full: start the scheduler with a larger arenaBytes, or have less parked at once.`,
  );
}
