/**
 * As scheduler/arena/heap.ts; a shadow knows the blocks that are in use, so that one that is handed out or freed twice is an
 * error, and the census can find what was never freed. Freed memory is overwritten.
 */
import * as undisturbed from "../../../../scheduler/arena/heap.ts";
import type { Arena } from "./memory_layout.ts";

export * from "../../../../scheduler/arena/heap.ts";

/** In the shadow, besides the class + 1: the block holds an encoded value. */
export const VALUE = 64;

export class Heap extends undisturbed.Heap {
  readonly #ours: Arena;
  #isPutting = false;

  constructor(arena: Arena, isolate: number) {
    super(arena, isolate);
    this.#ours = arena;
  }

  override allocate(sizeClass: number): number {
    const block = super.allocate(sizeClass);
    if (block === 0) return 0;
    const mark = sizeClass + 1 + (this.#isPutting ? VALUE : 0);
    const before = Atomics.exchange(this.#ours.i32, this.#ours.shadow(block), mark);
    if (before !== 0) throw new Error(`Heddle: block ${block} was handed out twice (${before}).`);
    return block;
  }

  override place(payload: undisturbed.Payload): number {
    this.#isPutting = true;
    try {
      return super.place(payload);
    } finally {
      this.#isPutting = false;
    }
  }

  override free(block: number, sizeClass: number): void {
    const before = Atomics.exchange(this.#ours.i32, this.#ours.shadow(block), 0);
    if ((before & 63) !== sizeClass + 1) {
      throw new Error(`Heddle: block ${block} of class ${sizeClass} was freed, and is ${before}.`);
    }
    this.#ours.i32.fill(0x6d6d6d6d, block >> 2, (block + undisturbed.LEAST_BLOCK * 2 ** sizeClass) >> 2);
    super.free(block, sizeClass);
  }
}
