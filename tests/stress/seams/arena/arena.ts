/** As scheduler/arena/arena.ts, with a shadow behind the arena: what each unit of the heap is in use for (heap.ts). */
import * as undisturbed from "../../../../scheduler/arena/arena.ts";

export * from "../../../../scheduler/arena/arena.ts";

/** Bytes of the smallest block, which has a word of the shadow. */
const UNIT = 64;

export class Arena extends undisturbed.Arena {
  constructor(
    shape: undisturbed.ArenaShape,
    buffer: SharedArrayBuffer = new SharedArrayBuffer(shape.bytes + shape.bytes / UNIT * 4),
  ) {
    super(shape, buffer);
  }

  /** The word of the shadow for a block. */
  shadow(block: number): number {
    return (this.shape.bytes + block / UNIT * 4) >> 2;
  }
}
