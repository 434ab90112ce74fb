/**
 * Cells: the places of values in channels and in the records of parked senders and receivers. A cell is four words. A
 * short value lies in it, as the codec writes it; of a longer one it has a reference to the heap, to a block or a span of any
 * size. That is freed by who takes the value out, or drops it: see README, "References" and "A death".
 *
 * Plain access: a cell is in the hands of who has the channel's lock, or of who has the record.
 */
import { CELL, copy, decode, type ErrorClass, pack } from "../codec/codec.ts";
import { type Bytes, INT, TAG } from "../codec/format.ts";
import { writeScalar } from "../codec/scalars.ts";
import type { References } from "../codec/handle.ts";
import { readInVain } from "../slots/parcel.ts";
import type { Heap } from "../arena/heap.ts";
import type { Arena } from "../arena/arena.ts";
import { CELL_WORDS } from "../arena/layout/object.ts";

/** The first word of a cell whose second word is a reference (heap.ts). No tag of the codec's. */
const BLOCK = 0x7d;
/** As BLOCK, and there are handles in it. */
const BLOCK_WITH_HANDLES = 0x7e;

/** What an isolate keeps values with. */
export interface Store {
  readonly arena: Arena;
  readonly heap: Heap;
  readonly handles: References;
  /** The arena, for values that may hold handles. */
  readonly values: Required<Bytes>;
}

/** Private memory of an isolate for one cell: what is to be written, or has been read, outside of every lock. */
export class Stage implements Bytes {
  readonly i32: Int32Array<ArrayBuffer> = new Int32Array(CELL_WORDS);
  readonly u8: Uint8Array<ArrayBuffer> = new Uint8Array(this.i32.buffer);
  readonly handles: References;

  constructor(handles: References) {
    this.handles = handles;
  }
}

/** Throws a DataCloneError, or a RangeError if the arena is full. */
export function writeCell(store: Store, to: Required<Bytes>, at: number, value: unknown): void {
  const after = writeScalar(to, at, at + CELL_WORDS, value);
  if (after < 0) writeBlock(store, to, at, value);
}

function writeBlock(store: Store, to: Required<Bytes>, at: number, value: unknown): void {
  const { handles, heap } = store;
  const before = handles.departures;
  const reference = pack(value, "value", CELL, handles, (message) => {
    if (message.side.length !== 0) throw notThroughChannels();
    return heap.place(message) || refuse(store, message.size);
  });
  to.i32[at] = handles.departures === before ? BLOCK : BLOCK_WITH_HANDLES;
  to.i32[at + 1] = reference;
}

function refuse({ arena }: Store, bytes: number): never {
  throw new RangeError(
    `value: the arena has no room for its ${bytes} bytes. What is in channels may take ${
      arena.shape.bytes - arena.heapAt
    } bytes together: start the scheduler with a larger arenaBytes, receive sooner, send it in parts, or pass it as a task's argument.`,
  );
}

export function copyCell(from: Int32Array, at: number, to: Int32Array, toAt: number): void {
  to[toAt] = from[at];
  to[toAt + 1] = from[at + 1];
  to[toAt + 2] = from[at + 2];
  to[toAt + 3] = from[at + 3];
}

/** Takes the value out: the cell is empty afterwards. */
export function takeCell(store: Store, from: Required<Bytes>, at: number): unknown {
  const word = from.i32[at];
  if ((word & TAG) === INT) return word >> 8;
  if (word !== BLOCK && word !== BLOCK_WITH_HANDLES) return decode(from, at * 4);
  return store.heap.take(from.i32[at + 1], (at) => decode(store.values, at));
}

/** Nobody will take the value out. */
export function dropCell(store: Store, from: Required<Bytes>, at: number): void {
  const word = from.i32[at];
  // A handle that arrives and is not kept is collected.
  if (word === BLOCK) return store.heap.release(from.i32[at + 1]);
  // If it cannot be read, handles that were not reached keep their objects.
  if (word === BLOCK_WITH_HANDLES) readInVain(store.handles, () => takeCell(store, from, at));
}

/** The copy that a value is on the other side of a channel that one isolate knows alone. */
export function copyWithin(value: unknown): unknown {
  const classOf = (name: string) => {
    const errorClass = (value as object).constructor as ErrorClass | undefined;
    return errorClass?.name === name ? errorClass : undefined;
  };
  return copy(value, "value", classOf, notThroughChannels);
}

function notThroughChannels(): DOMException {
  return new DOMException(
    "value: what cannot be bytes (a SharedArrayBuffer, a MessagePort) does not go through a channel; pass it as a task's argument or result. For messages both ways, send two channels",
    "DataCloneError",
  );
}
