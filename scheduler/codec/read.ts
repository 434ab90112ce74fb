// Reads values in the encoding of codec/format.ts.

import { define, type ErrorClass, putTogether, settleName } from "./errors.ts";
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
import { inherited, noted, readKey, readLatin1, readUtf16 } from "./strings.ts";

type ViewClass = new (buffer: ArrayBuffer, byteOffset: number, length?: number) => ArrayBufferView;

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
    const { i32 } = this.#bytes;
    const at = this.#at++;
    const word = i32[at];
    switch (word & TAG) {
      case INT:
        return word >> 8;
      case UNDEFINED:
        return undefined;
      case LATIN1: {
        const length = this.#n(word);
        const text = readLatin1(this.#bytes, this.#at, length);
        this.#at += (length + 3) >>> 2;
        return text;
      }
      case OBJECT:
        return this.#readPairs(this.#keep(at, {}));
      case ARRAY:
        return this.#readElements(this.#keep(at, []), this.#n(word));
      case DOUBLE:
        this.#readHalves();
        return double[0];
      case TRUE:
        return true;
      case FALSE:
        return false;
      case NULL:
        return null;
      case UTF16: {
        const length = this.#n(word);
        const text = readUtf16(this.#bytes, this.#at, length);
        this.#at += (length + 1) >>> 1;
        return text;
      }
      case BIGINT:
        this.#readHalves();
        return bigint[0];
      case BIGINT_HEX: {
        const text = this.read() as string;
        return text.startsWith("-") ? -BigInt("0x" + text.slice(1)) : BigInt("0x" + text);
      }
      case SPARSE: {
        const array: unknown[] = this.#keep(at, []);
        array.length = this.#n(word);
        return this.#readElementsByKey(array);
      }
      case MAP:
        return this.#readMap(this.#keep(at, new Map()));
      case SET:
        return this.#readSet(this.#keep(at, new Set()));
      case DATE:
        this.#readHalves();
        return this.#keep(at, new Date(double[0]));
      case REGEXP:
        return this.#keep(at, new RegExp(this.read() as string, this.read() as string));
      case BOXED:
        return this.#keep(at, Object(this.read()));
      case BUFFER:
        return this.#readBuffer(at, this.#n(word));
      case RESIZABLE:
        return this.#readResizable(at, this.#n(word));
      case VIEW:
        return this.#readView(at, this.#n(word));
      case ERROR:
        return this.#readError(at);
      case SAME: {
        const object = this.#referenced?.get(this.#start + this.#n(word));
        if (object === undefined) throw new Error(`word ${at} refers to a value that was not read before`);
        return object;
      }
      case SIDE:
        return this.#keep(at, this.#side[this.#n(word)] as object);
      case HANDLE_TAG:
        return this.#keep(at, this.#bytes.handles!.arrive(this.#n(word)));
      default:
        throw new Error(`word ${at} (${word}) is no header of an encoded value`);
    }
  }

  #n(word: number): number {
    const n = word >>> 8;
    return n === LONG ? this.#bytes.i32[this.#at++] >>> 0 : n;
  }

  #keep<T extends object>(at: number, object: T): T {
    if (this.#bytes.i32[at] & REFERENCED) (this.#referenced ??= new Map()).set(at, object);
    return object;
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

  #readBuffer(at: number, byteLength: number): ArrayBuffer {
    const from = this.#at * 4;
    this.#at += Math.ceil(byteLength / 4);
    // A slice of a view over shared memory is a new array over memory of its own.
    return this.#keep(at, this.#bytes.u8.slice(from, from + byteLength).buffer as ArrayBuffer);
  }

  #readResizable(at: number, byteLength: number): ArrayBuffer {
    const maxByteLength = this.read() as number;
    const buffer = new ArrayBuffer(byteLength, { maxByteLength });
    const from = this.#at * 4;
    this.#at += Math.ceil(byteLength / 4);
    new Uint8Array(buffer).set(this.#bytes.u8.subarray(from, from + byteLength));
    return this.#keep(at, buffer);
  }

  #readView(at: number, index: number): ArrayBufferView {
    const byteOffset = this.read() as number;
    const length = this.read() as number;
    const buffer = this.read() as ArrayBuffer;
    const View = VIEWS[index] as ViewClass;
    return this.#keep(at, new View(buffer, byteOffset, length === TRACKING ? undefined : length));
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
