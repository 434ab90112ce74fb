// What goes along with a message and is none of its words: large buffers, what cannot be bytes, references to what is shared,
// and what is given up. After the out-of-band buffers of Python's pickle protocol 5.

import { isDetached, refuseDetached, takeFrom } from "./buffers.ts";
import type { References } from "./handle.ts";
import { unmark } from "./moves.ts";

/** A large buffer of a message: where its bytes are to lie. */
interface Piece {
  /** The word that says where. */
  readonly word: number;
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  at: number;
}

/** A buffer that is given up: if it is a side value, which one; else -1. */
interface Move {
  readonly buffer: ArrayBuffer;
  readonly side: number;
}

export class OutOfBand {
  /** What cannot be bytes; and what of it a postMessage has to list. */
  side: unknown[] = [];
  transfer: Transferable[] = [];
  bulk: Piece[] = [];
  /** Objects of handles, buffers, values that were marked by move(), and streams: none of it happens unless the message is passed on. */
  given: number[] = [];
  moves: Move[] = [];
  marked: object[] = [];
  /** By which streams begin to cross. */
  begins: (() => void)[] = [];

  /** The last message's are its caller's. */
  begin(): void {
    this.side = [];
    this.transfer = [];
  }

  addSide(value: object): number {
    if (value instanceof MessagePort) this.transfer.push(value);
    return this.side.push(value) - 1;
  }

  /** The value was written to its end, at word `after`: its large buffers are to lie behind it. Returns the size of all. */
  layOut(words: Int32Array, after: number): number {
    let at = after * 4;
    for (const piece of this.bulk) {
      // A getter may have detached it since.
      if (isDetached(piece.buffer)) refuseDetached();
      piece.at = at = Math.ceil(at / 8) * 8;
      words[piece.word] = at / 4;
      at += piece.bytes.length;
    }
    return at;
  }

  /** The message has been passed on: references are on their way, and what was given up is gone. */
  depart(handles: References | undefined, stays: boolean): void {
    for (const object of this.given) handles!.depart(object);
    for (const { buffer, side } of this.moves) {
      const own = takeFrom(buffer);
      if (side < 0) continue;
      this.side[side] = own;
      if (!stays) this.transfer.push(own);
    }
    for (const value of this.marked) unmark(value);
    for (const begin of this.begins) begin();
  }

  /** Returns what takes back whatever is added from here on. */
  bookmark(): () => void {
    const lists = [this.side, this.bulk, this.given, this.moves, this.marked, this.begins];
    const lengths = lists.map(({ length }) => length);
    return () => {
      lists.forEach((list, i) => list.length = lengths[i]);
      this.transfer = this.transfer.filter((port) => this.side.includes(port));
    };
  }

  /** Else a buffer or a handle would live until the next message. */
  forget(): void {
    if (this.given.length !== 0) this.given = [];
    if (this.moves.length !== 0) this.moves = [];
    if (this.marked.length !== 0) this.marked = [];
    if (this.begins.length !== 0) this.begins = [];
    if (this.bulk.length !== 0) this.bulk = [];
    if (this.side.length !== 0) this.begin();
  }
}
