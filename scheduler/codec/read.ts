// Reads values in the encoding of codec/format.ts.

import { define, type ErrorClass, putTogether, settleName } from "./errors.ts";
import {
  ARRAY,
  BIGINT,
  bigint,
  BIGINT_HEX,
  BOXED,
  BRIDGED,
  BUFFER,
  BULK_BUFFER,
  type Bytes,
  DATE,
  DOUBLE,
  double,
  END,
  ERROR,
  FALSE,
  halves,
  HANDLE_TAG,
  INT,
  LATIN1,
  LONG,
  MAP,
  NULL,
  OBJECT,
  REFERENCED,
  REGEXP,
  RESIZABLE,
  SAME,
  SET,
  SIDE,
  SPARSE,
  TAG,
  TRACKING,
  TRUE,
  UNDEFINED,
  UTF16,
  VIEW,
  VIEWS,
} from "./format.ts";
import type { Handle } from "./handle.ts";
import { inherited, noted, readKey, readLatin1, readUtf16 } from "./strings.ts";

type ViewClass = new (buffer: ArrayBuffer, byteOffset: number, length?: number) => ArrayBufferView;

function from<T>(byTag: Record<number, T>): T[] {
  return Object.assign([], byTag);
}

/** Not `new Array(length)`, which takes memory for them. */
function holes(length: number): unknown[] {
  const array: unknown[] = [];
  array.length = length;
  return array;
}

function fromHex(text: string): bigint {
  return text.startsWith("-") ? -BigInt("0x" + text.slice(1)) : BigInt("0x" + text);
}

/** Reads one message, in the order in which it was written. */
export class Reader {
  #bytes: Bytes;
  #at: number;
  #start: number;
  #side: readonly unknown[];
  #classOf: ((name: string) => ErrorClass | undefined) | undefined;
  /** The objects that a SAME will ask for, by their word. */
  #referenced: Map<number, object> | undefined;

  constructor(
    bytes: Bytes,
    at: number,
    side: readonly unknown[],
    classOf: ((name: string) => ErrorClass | undefined) | undefined,
  ) {
    this.#bytes = bytes;
    this.#at = this.#start = at;
    this.#side = side;
    this.#classOf = classOf;
  }

  read(): unknown {
    const at = this.#at++;
    const word = this.#bytes.i32[at];
    const tag = word & TAG;
    // The most common ones without a call.
    if (tag === INT) return word >> 8;
    if (tag === LATIN1) return this.#readLatin1(this.#n(word));
    if (tag === OBJECT) return this.#readPairs(this.#keep(at, {}));
    if (tag === ARRAY) return this.#readElements(this.#keep(at, []), this.#n(word));
    const read = Reader.#readers[tag];
    if (read === undefined) throw new Error(`word ${at} (${word}) is no header of an encoded value`);
    return read(this, this.#n(word), at);
  }

  /** By tag. `n` as in the header, at word `at`. */
  static readonly #readers: readonly ((reader: Reader, n: number, at: number) => unknown)[] = from({
    [UNDEFINED]: () => undefined,
    [NULL]: () => null,
    [FALSE]: () => false,
    [TRUE]: () => true,
    [DOUBLE]: (reader) => (reader.#readHalves(), double[0]),
    [BIGINT]: (reader) => (reader.#readHalves(), bigint[0]),
    [BIGINT_HEX]: (reader) => fromHex(reader.read() as string),
    [UTF16]: (reader, n) => reader.#readUtf16(n),
    [SPARSE]: (reader, n, at) => reader.#readElementsByKey(reader.#keep(at, holes(n))),
    [MAP]: (reader, _n, at) => reader.#readMap(reader.#keep(at, new Map())),
    [SET]: (reader, _n, at) => reader.#readSet(reader.#keep(at, new Set())),
    [DATE]: (reader, _n, at) => (reader.#readHalves(), reader.#keep(at, new Date(double[0]))),
    [REGEXP]: (reader, _n, at) =>
      reader.#keep(at, new RegExp(reader.read() as string, reader.read() as string)),
    [BOXED]: (reader, _n, at) => reader.#keep(at, Object(reader.read())),
    [BUFFER]: (reader, n, at) => reader.#keep(at, reader.#readBytes(n)),
    [BULK_BUFFER]: (reader, n, at) => reader.#keep(at, reader.#readBulk(n)),
    [RESIZABLE]: (reader, n, at) => reader.#keep(at, reader.#readResizable(n)),
    [VIEW]: (reader, n, at) => reader.#keep(at, reader.#readView(n)),
    [ERROR]: (reader, _n, at) => reader.#readError(at),
    [SAME]: (reader, n, at) => reader.#same(n, at),
    [SIDE]: (reader, n, at) => reader.#keep(at, reader.#side[n] as object),
    [HANDLE_TAG]: (reader, n, at) => reader.#keep(at, reader.#bytes.handles!.arrive(n)),
    [BRIDGED]: (reader, n, at) => reader.#keep(at, reader.#readBridged(n)),
  });

  #readBridged(kind: number): object {
    const parts = this.read() as Handle[];
    return this.#bytes.handles!.bridges!.arrive(kind, parts);
  }

  #n(word: number): number {
    const n = word >>> 8;
    return n === LONG ? this.#bytes.i32[this.#at++] >>> 0 : n;
  }

  #keep<T extends object>(at: number, object: T): T {
    if (this.#bytes.i32[at] & REFERENCED) (this.#referenced ??= new Map()).set(at, object);
    return object;
  }

  #same(n: number, at: number): object {
    const object = this.#referenced?.get(this.#start + n);
    if (object === undefined) throw new Error(`word ${at} refers to a value that was not read before`);
    return object;
  }

  #readLatin1(length: number): string {
    const text = readLatin1(this.#bytes, this.#at, length);
    this.#at += (length + 3) >>> 2;
    return text;
  }

  #readUtf16(length: number): string {
    const text = readUtf16(this.#bytes, this.#at, length);
    this.#at += (length + 1) >>> 1;
    return text;
  }

  #readHalves(): void {
    const { i32 } = this.#bytes;
    halves[0] = i32[this.#at];
    halves[1] = i32[this.#at + 1];
    this.#at += 2;
  }

  #readElements(array: unknown[], length: number): unknown[] {
    const { i32 } = this.#bytes;
    for (let i = 0; i < length; i++) {
      const word = i32[this.#at];
      if ((word & TAG) === INT) {
        array.push(word >> 8);
        this.#at++;
      } else array.push(this.read());
    }
    return array;
  }

  #isEnd(): boolean {
    if (this.#bytes.i32[this.#at] !== END) return false;
    this.#at++;
    return true;
  }

  #readKey(): string {
    const word = this.#bytes.i32[this.#at];
    if ((word & TAG) !== LATIN1) return noted(this.read() as string);
    this.#at++;
    const length = this.#n(word);
    const key = readKey(this.#bytes, this.#at, length);
    this.#at += (length + 3) >>> 2;
    return key;
  }

  #readPairs<T extends object>(object: T): T {
    while (!this.#isEnd()) {
      const key = this.#readKey();
      const value = this.read();
      if (inherited.size !== 0 && inherited.has(key)) define(object, key, value, true);
      else (object as Record<string, unknown>)[key] = value;
    }
    return object;
  }

  /** Names of Array.prototype's are rare, but so is all of this. */
  #readElementsByKey(array: unknown[]): unknown[] {
    while (!this.#isEnd()) {
      const key = this.#readKey();
      const value = this.read();
      if (key in array) define(array, key, value, true);
      else array[key as unknown as number] = value;
    }
    return array;
  }

  #readMap(map: Map<unknown, unknown>): Map<unknown, unknown> {
    while (!this.#isEnd()) map.set(this.read(), this.read());
    return map;
  }

  #readSet(set: Set<unknown>): Set<unknown> {
    while (!this.#isEnd()) set.add(this.read());
    return set;
  }

  #readBytes(byteLength: number): ArrayBuffer {
    const from = this.#at * 4;
    this.#at += Math.ceil(byteLength / 4);
    return this.#slice(from, byteLength);
  }

  #readBulk(byteLength: number): ArrayBuffer {
    return this.#slice((this.#start + (this.#bytes.i32[this.#at++] >>> 0)) * 4, byteLength);
  }

  /** A slice of a view over shared memory is a new array over memory of its own. */
  #slice(from: number, byteLength: number): ArrayBuffer {
    return this.#bytes.u8.slice(from, from + byteLength).buffer as ArrayBuffer;
  }

  #readResizable(byteLength: number): ArrayBuffer {
    const maxByteLength = this.read() as number;
    const buffer = new ArrayBuffer(byteLength, { maxByteLength });
    const from = this.#at * 4;
    this.#at += Math.ceil(byteLength / 4);
    new Uint8Array(buffer).set(this.#bytes.u8.subarray(from, from + byteLength));
    return buffer;
  }

  #readView(index: number): ArrayBufferView {
    const byteOffset = this.read() as number;
    const length = this.read() as number;
    const buffer = this.read() as ArrayBuffer;
    const View = VIEWS[index] as ViewClass;
    return new View(buffer, byteOffset, length === TRACKING ? undefined : length);
  }

  #readError(at: number): Error {
    const className = this.read() as string;
    const baseName = this.read() as string;
    const name = this.read() as string;
    const message = this.read() as string | undefined;
    const stack = this.read() as string | undefined;
    const error = this.#keep(at, putTogether(className, baseName, name, message, stack, this.#classOf));
    while (!this.#isEnd()) define(error, this.#readKey(), this.read(), false);
    while (!this.#isEnd()) define(error, this.#readKey(), this.read(), true);
    settleName(error, name);
    return error;
  }
}
