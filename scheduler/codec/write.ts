// Writes values in the encoding of codec/format.ts.

import * as is from "node:util/types";
import { MAX_DEPTH, TooDeep } from "./depth.ts";
import { takeApart } from "./errors.ts";
import {
  ARRAY,
  BIGINT,
  bigint,
  BIGINT_HEX,
  BOXED,
  BUFFER,
  type Bytes,
  DATE,
  DOUBLE,
  double,
  END,
  ERROR,
  FALSE,
  halves,
  HANDLE_TAG,
  header,
  headerWords,
  INT,
  MAP,
  NO_ROOM,
  NULL,
  OBJECT,
  REFERENCED,
  REGEXP,
  RESIZABLE,
  SAME,
  SET,
  SIDE,
  SPARSE,
  TRACKING,
  TRUE,
  UNDEFINED,
  VIEW,
  VIEWS,
} from "./format.ts";
import { isOfPlatform, isPlain } from "./plain.ts";
import {
  elementStep,
  getStep,
  indexStep,
  inside,
  keyStep,
  Refusal,
  refuse,
  refuseProxy,
  tagOf,
} from "./refusal.ts";
import { writeString } from "./strings.ts";
import { HANDLE, type Handle, type References } from "./handle.ts";

/** What writeScalar returns for everything that is not a primitive. */
export const NOT_SCALAR = -2;

/** Writes a primitive at word `at`; returns the word after it, NO_ROOM or NOT_SCALAR. */
export function writeScalar(bytes: Bytes, at: number, limit: number, value: unknown): number {
  const { i32 } = bytes;
  switch (typeof value) {
    case "number": {
      if (at + 1 > limit) return NO_ROOM;
      if ((value << 8 >> 8) === value && (value !== 0 || 1 / value > 0)) {
        i32[at] = INT | value << 8;
        return at + 1;
      }
      if (at + 3 > limit) return NO_ROOM;
      i32[at] = DOUBLE;
      double[0] = value;
      return writeHalves(i32, at + 1);
    }
    case "string":
      return writeString(bytes, at, limit, value);
    case "undefined":
      if (at + 1 > limit) return NO_ROOM;
      i32[at] = UNDEFINED;
      return at + 1;
    case "boolean":
      if (at + 1 > limit) return NO_ROOM;
      i32[at] = value ? TRUE : FALSE;
      return at + 1;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) {
        if (at + 1 > limit) return NO_ROOM;
        i32[at] = BIGINT_HEX;
        return writeString(bytes, at + 1, limit, value.toString(16));
      }
      if (at + 3 > limit) return NO_ROOM;
      i32[at] = BIGINT;
      bigint[0] = value;
      return writeHalves(i32, at + 1);
    default:
      if (value !== null) return NOT_SCALAR;
      if (at + 1 > limit) return NO_ROOM;
      i32[at] = NULL;
      return at + 1;
  }
}

function writeHalves(i32: Int32Array, at: number): number {
  i32[at] = halves[0];
  i32[at + 1] = halves[1];
  return at + 2;
}

/** The most words that writeScalar may need. */
function roomForScalar(value: unknown): number {
  if (typeof value === "string") return 2 + ((value.length + 1) >> 1);
  if (typeof value === "bigint") return 3 + (value.toString(16).length + 3 >> 2);
  return 3;
}

// A class may have overridden these; structuredClone looks past its methods, and so do we.
const { hasOwnProperty, toString } = Object.prototype;
const { getTime } = Date.prototype;
const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;
const typedArray = Object.getPrototypeOf(Int8Array.prototype);
const viewName = getterOf<string | undefined>(typedArray, Symbol.toStringTag);
const lengthOf = getterOf<number>(typedArray, "length");
const offsetOfArray = getterOf<number>(typedArray, "byteOffset");
const bufferOfArray = getterOf<ArrayBufferLike>(typedArray, "buffer");
const bytesOfDataView = getterOf<number>(DataView.prototype, "byteLength");
const offsetOfDataView = getterOf<number>(DataView.prototype, "byteOffset");
const bufferOfDataView = getterOf<ArrayBufferLike>(DataView.prototype, "buffer");
const bytesOfBuffer = getterOf<number>(ArrayBuffer.prototype, "byteLength");
const maxBytesOfBuffer = getterOf<number>(ArrayBuffer.prototype, "maxByteLength");
const isResizable = getterOf<boolean>(ArrayBuffer.prototype, "resizable");
const isDetached = getterOf<boolean>(ArrayBuffer.prototype, "detached");

function getterOf<T>(prototype: object, key: PropertyKey): { call(object: object): T } {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}
const VIEW_NAMES = VIEWS.map((view) => view.name);

const SCRATCH_WORDS = 16 * 1024;
/** Above this the scratch memory of a writer is not kept for the next message (a guess). */
const KEPT_WORDS = 1024 * 1024;
/** The objects of a message are in a list up to this number, which is faster than a Map (measured), then in a Map. */
const FEW = 8;

function memory(words: number): Bytes {
  const buffer = new ArrayBuffer(words * 4);
  return { i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };
}

/** Writes one message. Every write takes the word to write at and returns the word after, or NO_ROOM. */
export class Writer {
  scratch = memory(SCRATCH_WORDS);
  bytes = this.scratch;
  side: unknown[] = [];
  transfer: Transferable[] = [];
  /** Without them a handle is a side value: for a copy within the isolate. */
  handles: References | undefined;
  /** The objects whose handles were written. They depart when the whole value is written. */
  #given: number[] | undefined;
  #start = 0;
  #limit = 0;
  /** Whether memory is the scratch memory, and side values are welcome. */
  #isPrivate = true;
  /** Objects that the one being written is inside of. */
  #depth = 0;
  /** The objects written or begun and their words: the first few in two lists, all of them in a Map once they are more. */
  #few = 0;
  #objects: (object | undefined)[] = new Array(FEW).fill(undefined);
  #words: number[] = new Array(FEW).fill(0);
  #wordOf: Map<object, number> | undefined;

  aim(bytes: Bytes, start: number, limit: number, isPrivate: boolean, handles = bytes.handles): void {
    this.bytes = bytes;
    this.handles = handles;
    this.#start = start;
    this.#limit = limit;
    this.#isPrivate = isPrivate;
    if (isPrivate) {
      this.side = []; // the last message's belong to its caller
      this.transfer = [];
    }
  }

  /** The value was written to its end. */
  depart(): void {
    if (this.#given === undefined) return;
    for (const object of this.#given) this.handles!.depart(object);
    this.#given = undefined;
  }

  forget(): void {
    this.#given = undefined;
    this.#depth = 0;
    for (let i = 0; i < this.#few; i++) this.#objects[i] = undefined;
    this.#few = 0;
    this.#wordOf = undefined;
    if (this.scratch.i32.length > KEPT_WORDS) this.scratch = memory(SCRATCH_WORDS);
    this.bytes = this.scratch;
    // Else a buffer or a handle would live until the next message.
    if (this.side.length !== 0) {
      this.side = [];
      this.transfer = [];
    }
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
    this.#remember(array, at);
    return this.#writeElements(at, array);
  }

  #hasRoom(limit: number): boolean {
    return limit <= this.#limit || (this.#isPrivate && this.#grow(limit));
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

  #earlier(value: object): number | undefined {
    if (this.#wordOf) return this.#wordOf.get(value);
    for (let i = 0; i < this.#few; i++) if (this.#objects[i] === value) return this.#words[i];
    return undefined;
  }

  #remember(value: object, at: number): void {
    if (this.#wordOf) {
      this.#wordOf.set(value, at);
    } else if (this.#few < FEW) {
      this.#objects[this.#few] = value;
      this.#words[this.#few++] = at;
    } else {
      this.#wordOf = new Map(this.#objects.map((object, i) => [object!, this.#words[i]]));
      this.#wordOf.set(value, at);
    }
  }

  /** Takes back what was written from word `at` on. */
  #rollBack(at: number, sides: number, given: number): void {
    this.side.length = sides;
    if (this.#given !== undefined) this.#given.length = given;
    this.transfer = this.transfer.filter((port) => this.side.includes(port));
    while (this.#few > 0 && this.#words[this.#few - 1] >= at) this.#objects[--this.#few] = undefined;
    for (const [object, word] of this.#wordOf ?? []) if (word >= at) this.#wordOf!.delete(object);
  }

  #writeObject(at: number, value: object): number {
    if (typeof value !== "object") refuse(value);
    const earlier = this.#earlier(value);
    if (earlier !== undefined) {
      const after = this.#header(at, SAME, earlier - this.#start);
      if (after >= 0) this.bytes.i32[earlier] |= REFERENCED;
      return after;
    }
    if (is.isProxy(value)) refuseProxy();
    this.#remember(value, at);

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
    if (isDetached.call(buffer)) refuseDetached();
    const byteLength = bytesOfBuffer.call(buffer);
    const resizable = isResizable.call(buffer);
    at = this.#header(at, resizable ? RESIZABLE : BUFFER, byteLength);
    if (resizable) at = this.write(at, maxBytesOfBuffer.call(buffer));
    if (at < 0) return at;
    const after = at + Math.ceil(byteLength / 4);
    if (!this.#hasRoom(after)) return NO_ROOM;
    this.bytes.u8.set(new Uint8Array(buffer), at * 4);
    return after;
  }

  #writeView(at: number, view: ArrayBufferView): number {
    const name = viewName.call(view);
    const buffer = (name === undefined ? bufferOfDataView : bufferOfArray).call(view);
    if (is.isSharedArrayBuffer(buffer)) return this.#writeSide(at, view);
    if (isDetached.call(buffer)) refuseDetached();
    const isTracking = isResizable.call(buffer) && tracksLength(view);
    const byteOffset = (name === undefined ? offsetOfDataView : offsetOfArray).call(view);
    const length = (name === undefined ? bytesOfDataView : lengthOf).call(view);
    at = this.#header(at, VIEW, VIEW_NAMES.indexOf(name ?? "DataView"));
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
    const sides = this.side.length;
    const given = this.#given?.length ?? 0;
    const depth = this.#depth;
    try {
      return this.write(at, value);
    } catch {
      this.#depth = depth;
      this.#rollBack(at, sides, given);
      return undefined;
    }
  }

  #writeHandle(at: number, handle: Handle): number {
    if (this.handles === undefined) return this.#writeSide(at, handle);
    const object = this.handles.share(handle);
    (this.#given ??= []).push(object);
    return this.#header(at, HANDLE_TAG, object);
  }

  #writeSide(at: number, value: object): number {
    if (!this.#isPrivate) return NO_ROOM;
    if (value instanceof MessagePort) this.transfer.push(value);
    return this.#header(at, SIDE, this.side.push(value) - 1);
  }

  /** An object of the platform, or one that has a Symbol.toStringTag: structuredClone knows which. */
  #writeOther(at: number, value: object): number {
    if (HANDLE in value) return this.#writeHandle(at, value as Handle);
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

/** Does the length of a view follow that of its resizable buffer? Only a copy can be resized to find out. */
function tracksLength(view: ArrayBufferView): boolean {
  let copy: ArrayBufferView;
  try {
    copy = structuredClone(view);
  } catch {
    throw new Refusal("a view that its resized buffer no longer covers cannot be cloned; make it anew");
  }
  const buffer = copy.buffer as ArrayBuffer;
  if (copy.byteLength === 0) {
    buffer.resize(buffer.maxByteLength);
    return copy.byteLength > 0;
  }
  buffer.resize(copy.byteOffset);
  try {
    // A view of a fixed length is now out of bounds, and says so; one that tracks is empty.
    if (copy instanceof DataView) copy.byteLength;
    else (copy as Uint8Array).fill(0);
    return true;
  } catch {
    return false;
  }
}

function refuseDetached(): never {
  throw new Refusal("a detached ArrayBuffer cannot be cloned; pass it before it is transferred");
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
