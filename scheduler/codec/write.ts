// Writes values in the encoding of codec/format.ts.

import * as is from "node:util/types";
import {
  bufferOf,
  byteLengthOf,
  copyOf,
  isDetached,
  isGrowable,
  isResizable,
  maxByteLengthOf,
  refuseDetached,
  shapeOf,
  tracksLength,
} from "./buffers.ts";
import { MAX_DEPTH, TooDeep } from "./depth.ts";
import { takeApart } from "./errors.ts";
import {
  ARRAY,
  BOXED,
  BRIDGED,
  BUFFER,
  BULK_BUFFER,
  type Bytes,
  DATE,
  double,
  END,
  ERROR,
  HANDLE_TAG,
  header,
  headerWords,
  MAP,
  NO_ROOM,
  OBJECT,
  REFERENCED,
  REGEXP,
  RESIZABLE,
  SAME,
  SET,
  SIDE,
  SPARSE,
  TRACKING,
  VIEW,
} from "./format.ts";
import { type Bridged, bridgedKind, HANDLE, type Handle, type References, SIGNAL } from "./handle.ts";
import { isMarked } from "./moves.ts";
import { OutOfBand } from "./out_of_band.ts";
import { isOfPlatform, isPlain } from "./plain.ts";
import { elementStep, getStep, indexStep, inside, keyStep, refuse, refuseProxy, tagOf } from "./refusal.ts";
import { NOT_SCALAR, roomForScalar, writeHalves, writeScalar } from "./scalars.ts";
import { BULK, INTO, type Way } from "./way.ts";
import { Written } from "./written.ts";

// A class may have overridden these; structuredClone looks past its methods, and so do we.
const { hasOwnProperty, toString } = Object.prototype;
const { getTime } = Date.prototype;
const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;

/** Guess: most messages fit. */
const SCRATCH_WORDS = 16 * 1024;
/** Above this the scratch memory of a writer is not kept for the next message (a guess). */
const KEPT_WORDS = 1024 * 1024;
function memory(words: number): Bytes {
  const buffer = new ArrayBuffer(words * 4);
  return { i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };
}

/** Writes one message. Every write takes the word to write at and returns the word after, or NO_ROOM. */
export class Writer {
  scratch = memory(SCRATCH_WORDS);
  bytes = this.scratch;
  readonly beside = new OutOfBand();
  /** Without them a handle is a side value: for a copy within the isolate. */
  handles: References | undefined;
  #way = INTO;
  #start = 0;
  #limit = 0;
  /** Objects that the one being written is inside of; and of these, how many are given up. */
  #depth = 0;
  #moving = 0;
  readonly #written = new Written();

  /** To write at word `start` of memory that ends at word `limit`. */
  aim(bytes: Bytes, start: number, limit: number): void {
    this.bytes = bytes;
    this.handles = bytes.handles;
    this.#way = INTO;
    this.#start = start;
    this.#limit = limit;
  }

  /** To write at word 0 of private memory. */
  aimAtScratch(way: Way, handles: References | undefined): void {
    this.bytes = this.scratch;
    this.handles = handles;
    this.beside.begin();
    this.#way = way;
    this.#start = 0;
    this.#limit = this.scratch.i32.length;
  }

  /** Where the message's large buffers are to lie. Returns the size of all of it. */
  layOut(after: number): number {
    return this.beside.layOut(this.bytes.i32, after);
  }

  /** The message has been passed on. */
  depart(): void {
    this.beside.depart(this.handles, this.#way.stays);
  }

  forget(): void {
    this.beside.forget();
    this.#depth = 0;
    this.#moving = 0;
    this.#written.clear();
    if (this.scratch.i32.length > KEPT_WORDS) this.scratch = memory(SCRATCH_WORDS);
    this.bytes = this.scratch;
  }

  write(at: number, value: unknown): number {
    if (at < 0) return at;
    const after = writeScalar(this.bytes, at, this.#limit, value);
    if (after >= 0) return after;
    if (after === NOT_SCALAR) return this.#writeObject(at, value as object);
    if (!this.#hasRoom(at + roomForScalar(value))) return NO_ROOM;
    return writeScalar(this.bytes, at, this.#limit, value);
  }

  /** An array that is known to have its elements and no other properties. */
  writeWholeArray(at: number, array: readonly unknown[]): number {
    this.#written.add(array, at);
    return this.#writeElements(at, array);
  }

  #hasRoom(limit: number): boolean {
    return limit <= this.#limit || (this.#way.isPrivate && this.#grow(limit));
  }

  #grow(limit: number): boolean {
    const words = Math.max(limit, this.#limit * 2);
    if (limit > 2 ** 29) {
      throw new RangeError("the value takes over 2 GiB when it is encoded; pass it in parts");
    }
    const larger = memory(Math.min(words, 2 ** 29));
    larger.i32.set(this.bytes.i32);
    this.scratch = this.bytes = larger;
    this.#limit = larger.i32.length;
    return true;
  }

  #header(at: number, tag: number, n = 0): number {
    return at >= 0 && this.#hasRoom(at + headerWords(n)) ? header(this.bytes.i32, at, tag, n) : NO_ROOM;
  }

  #writeObject(at: number, value: object): number {
    if (typeof value !== "object") refuse(value);
    const earlier = this.#written.wordOf(value);
    if (earlier !== undefined) {
      const after = this.#header(at, SAME, earlier - this.#start);
      if (after >= 0) this.bytes.i32[earlier] |= REFERENCED;
      return after;
    }
    if (is.isProxy(value)) refuseProxy();
    this.#written.add(value, at);
    if (!isMarked(value)) return this.#writeNew(at, value);
    this.beside.marked.push(value);
    this.#moving++;
    at = this.#writeNew(at, value);
    this.#moving--;
    return at;
  }

  #writeNew(at: number, value: object): number {
    if (Array.isArray(value)) return this.#writeArray(at, value);
    if (toString.call(value) === "[object Object]" && isPlain(value)) return this.#writeProperties(at, value);
    if (ArrayBuffer.isView(value)) return this.#writeView(at, value);
    if (Error.isError(value)) return this.#writeError(at, value as Error);
    if (is.isMap(value)) return this.#writeMap(at, value);
    if (is.isSet(value)) return this.#writeSet(at, value);
    if (is.isDate(value)) return this.#writeDate(at, value);
    if (is.isRegExp(value)) {
      // Of its own, whatever getters the original has.
      const { source, flags } = new RegExp(value);
      return this.write(this.write(this.#header(at, REGEXP), source), flags);
    }
    if (is.isArrayBuffer(value)) return this.#writeBuffer(at, value);
    const boxed = unboxed(value);
    return boxed === undefined ? this.#writeOther(at, value) : this.write(this.#header(at, BOXED), boxed);
  }

  #writeArray(at: number, array: readonly unknown[]): number {
    const { length } = array;
    const keys = Object.keys(array);
    // Indices come first and in order, so these two comparisons leave no other possibility.
    const isWhole = keys.length === length && (length === 0 || keys[length - 1] === String(length - 1));
    if (isWhole) return this.#writeElements(at, array);
    return this.#writePairs(this.#header(at, SPARSE, length), array);
  }

  #writeElements(at: number, array: readonly unknown[]): number {
    const { length } = array;
    at = this.#descend(this.#header(at, ARRAY, length));
    let i = 0;
    try {
      for (; i < length && at >= 0; i++) at = this.write(at, array[i]);
    } catch (error) {
      throw inside(indexStep, i, error);
    }
    this.#depth--;
    return at;
  }

  #writeProperties(at: number, object: object): number {
    return this.#writePairs(this.#header(at, OBJECT), object);
  }

  #writePairs(at: number, object: object): number {
    this.#descend(at);
    let key = "";
    try {
      // V8 knows this pair of loop and test, and makes it cheaper than Object.keys.
      for (key in object) {
        if (!hasOwnProperty.call(object, key)) continue;
        at = this.write(this.write(at, key), (object as Record<string, unknown>)[key]);
        if (at < 0) return at;
      }
    } catch (error) {
      throw inside(Array.isArray(object) ? elementStep : keyStep, key, error);
    }
    this.#depth--;
    return this.#header(at, END);
  }

  #writeMap(at: number, map: Map<unknown, unknown>): number {
    at = this.#descend(this.#header(at, MAP));
    for (const [key, value] of [...mapEntries.call(map)]) {
      try {
        at = this.write(at, key);
      } catch (error) {
        throw inside(() => " (a key of the Map)", key, error);
      }
      try {
        at = this.write(at, value);
      } catch (error) {
        throw inside(getStep, key, error);
      }
    }
    this.#depth--;
    return this.#header(at, END);
  }

  #writeSet(at: number, set: Set<unknown>): number {
    at = this.#descend(this.#header(at, SET));
    try {
      for (const value of [...setValues.call(set)]) at = this.write(at, value);
    } catch (error) {
      throw inside(() => " (a member of the Set)", set, error);
    }
    this.#depth--;
    return this.#header(at, END);
  }

  #writeDate(at: number, date: Date): number {
    at = this.#header(at, DATE);
    if (at < 0 || !this.#hasRoom(at + 2)) return NO_ROOM;
    double[0] = getTime.call(date);
    return writeHalves(this.bytes.i32, at);
  }

  #writeBuffer(at: number, buffer: ArrayBuffer): number {
    if (isDetached(buffer)) refuseDetached();
    const byteLength = byteLengthOf(buffer);
    const { moves, hasBulk, stays } = this.#way;
    if (this.#moving > 0) {
      const isAside = byteLength >= moves;
      this.beside.moves.push({ buffer, side: isAside ? this.beside.side.length : -1 });
      if (isAside) return this.#writeSide(at, buffer);
    }
    if (isResizable(buffer)) {
      const after = this.write(this.#header(at, RESIZABLE, byteLength), maxByteLengthOf(buffer));
      return this.#writeBytes(after, buffer, byteLength);
    }
    if (byteLength >= BULK) {
      if (stays) return this.#writeSide(at, copyOf(buffer));
      if (hasBulk) return this.#writeBulk(at, buffer, byteLength);
    }
    return this.#writeBytes(this.#header(at, BUFFER, byteLength), buffer, byteLength);
  }

  #writeBytes(at: number, buffer: ArrayBuffer, byteLength: number): number {
    if (at < 0) return at;
    const after = at + Math.ceil(byteLength / 4);
    if (!this.#hasRoom(after)) return NO_ROOM;
    this.bytes.u8.set(new Uint8Array(buffer), at * 4);
    return after;
  }

  #writeBulk(at: number, buffer: ArrayBuffer, byteLength: number): number {
    const word = this.#header(at, BULK_BUFFER, byteLength);
    if (!this.#hasRoom(word + 1)) return NO_ROOM;
    this.beside.bulk.push({ word, buffer, bytes: new Uint8Array(buffer), at: 0 });
    return word + 1;
  }

  #writeView(at: number, view: ArrayBufferView): number {
    const buffer = bufferOf(view);
    const isShared = is.isSharedArrayBuffer(buffer);
    // Whether its length follows the buffer's only the platform knows: to try would grow it for all.
    if (isShared && isGrowable(buffer)) return this.#writeSide(at, view);
    if (!isShared && isDetached(buffer)) refuseDetached();
    // Of a shared buffer the view is words, too: Deno's ports take 200 ms for a view of 1 MB of it, and 10 us for the buffer.
    const isTracking = !isShared && isResizable(buffer) && tracksLength(view);
    const [index, byteOffset, length] = shapeOf(view);
    at = this.#header(at, VIEW, index);
    at = this.write(this.write(at, byteOffset), isTracking ? TRACKING : length);
    return this.write(at, buffer);
  }

  /** An error always gets across: what of it cannot be cloned is dropped, or replaced by its text. */
  #writeError(at: number, error: Error): number {
    const parts = takeApart(error);
    at = this.#header(at, ERROR);
    for (const text of [parts.className, parts.baseName, parts.name, parts.message, parts.stack]) {
      at = this.write(at, text);
    }
    this.#descend(at);
    at = this.#writeErrorProperties(this.#writeErrorProperties(at, parts.hidden), parts.enumerable);
    this.#depth--;
    return at;
  }

  #writeErrorProperties(at: number, pairs: [key: string, value: unknown][]): number {
    for (const [key, value] of pairs) {
      const before = at;
      at = this.write(at, key);
      const after = this.#attempt(at, value);
      if (after !== undefined) at = after;
      else if (key === "cause") at = this.write(at, asText(value));
      else if (key === "errors" && Array.isArray(value)) at = this.#writeElementsOrText(at, value);
      else at = before;
    }
    return this.#header(at, END);
  }

  #writeElementsOrText(at: number, array: readonly unknown[]): number {
    at = this.#descend(this.#header(at, ARRAY, array.length));
    for (const value of array) at = this.#attempt(at, value) ?? this.write(at, asText(value));
    this.#depth--;
    return at;
  }

  /** write(), but undefined and nothing written if that throws. */
  #attempt(at: number, value: unknown): number | undefined {
    const takeBack = this.beside.bookmark();
    const [depth, moving] = [this.#depth, this.#moving];
    try {
      return this.write(at, value);
    } catch {
      [this.#depth, this.#moving] = [depth, moving];
      takeBack();
      this.#written.cut(at);
      return undefined;
    }
  }

  #writeHandle(at: number, handle: Handle): number {
    if (this.handles === undefined) return this.#writeSide(at, handle);
    const object = this.handles.share(handle);
    this.beside.given.push(object);
    return this.#header(at, HANDLE_TAG, object);
  }

  #writeBridged(at: number, value: Bridged, kind: number): number {
    if (this.handles?.bridges === undefined) {
      const { keepsSignals, stays } = this.#way;
      if (!(kind === SIGNAL ? keepsSignals : stays)) refuse(value);
      return this.#writeSide(at, value);
    }
    const parts = this.handles.bridges.parts(value, this.beside.begins);
    return this.write(this.#header(at, BRIDGED, kind), parts);
  }

  /** As the pair of its ends: nothing else can be made of these. */
  #writeTransform(at: number, { readable, writable }: TransformStream): number {
    return this.#writePairs(this.#header(at, OBJECT), { readable, writable });
  }

  #writeSide(at: number, value: object): number {
    if (!this.#way.isPrivate) return NO_ROOM;
    return this.#header(at, SIDE, this.beside.addSide(value));
  }

  /** An object of the platform, or one that has a Symbol.toStringTag: structuredClone knows which. */
  #writeOther(at: number, value: object): number {
    if (HANDLE in value) return this.#writeHandle(at, value as Handle);
    const kind = bridgedKind(value);
    if (kind !== undefined) return this.#writeBridged(at, value as Bridged, kind);
    if (value instanceof TransformStream) return this.#writeTransform(at, value);
    if (value instanceof MessagePort || is.isSharedArrayBuffer(value)) return this.#writeSide(at, value);
    let copy: unknown;
    try {
      copy = structuredClone(value);
    } catch {
      this.#writeProperties(at, value); // this says where, if what it refused lies deeper
      refuse(value);
    }
    if (toString.call(copy) !== "[object Object]") return this.#writeSide(at, value);
    if (isOfPlatform(value, tagOf(value))) refuse(value);
    return this.#writeProperties(at, value);
  }

  /** Into an object, past its header. Who comes back up subtracts from the depth. */
  #descend(at: number): number {
    if (++this.#depth > MAX_DEPTH) throw new TooDeep();
    return at;
  }
}

/** The primitive in an object that wraps one. */
function unboxed(value: object): unknown {
  if (is.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (is.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (is.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (is.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
}

/** What stands for the part of an error that cannot be cloned. */
function asText(value: unknown): string {
  try {
    // An error gets across unless it is nested too deeply, and then it may have as many causes again.
    return Error.isError(value) ? String(value) : Deno.inspect(value);
  } catch {
    return toString.call(value);
  }
}
