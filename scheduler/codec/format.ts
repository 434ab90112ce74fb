// The encoding of values. A value is a run of 32-bit words in the machine's byte order, of which the first is its
// header:
//
//   bits 0-6   the tag
//   bit 7      REFERENCED: a SAME later in the message refers to this value
//   bits 8-31  n; 0xffffff (LONG) says that n is the next word
//
//   tag        n                 words after the header
//   UNDEFINED, NULL, FALSE, TRUE, END
//   INT        a signed integer of 24 bits
//   DOUBLE                       2: the number
//   BIGINT                       2: a 64-bit signed integer
//   BIGINT_HEX                   a string: sign and hexadecimal digits
//   LATIN1     length            a byte for each code unit, padded to a word with zeros
//   UTF16      length            two bytes for each code unit, padded to a word with zeros
//   ARRAY      length            n values
//   SPARSE     length            (key, value)… END        an array with holes or with further keys
//   OBJECT                       (key, value)… END
//   MAP                          (key, value)… END
//   SET                          value… END
//   DATE                         2: the time value
//   REGEXP                       the values source, flags
//   BOXED                        the primitive that it wraps
//   BUFFER     byte length       the bytes, padded to a word
//   BULK_BUFFER byte length      the word of the message at which the bytes lie, behind all of its values
//   RESIZABLE  byte length       the maximum byte length as a value, then as BUFFER
//   VIEW       index of VIEWS    the values byte offset, length or TRACKING, buffer
//   ERROR                        the values class, base class, name, message, stack, then (key, value)… END for the properties
//                                that are not enumerable and (key, value)… END for those that are
//   SAME       word of a value   that very object; words count from the start of the message
//   SIDE       index             side[n]: what cannot be bytes
//   HANDLE     object            a handle of a channel or a lock, by the word of its object, see handles.ts
//   BRIDGED    kind              the array of the handles by which a signal or a stream crosses, see bridges.ts
//
// An object is on the list of SAMEs before what it holds is read, so cycles need nothing more.

import type { References } from "./handle.ts";

/** An Int32Array and a Uint8Array over the same buffer, from its first byte. */
export interface Bytes {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  /** Of the isolate that reads and writes here. */
  readonly handles?: References;
}

export const UNDEFINED = 1; // 0 is no tag, so that memory that nobody wrote is no value
export const NULL = 2;
export const FALSE = 3;
export const TRUE = 4;
export const INT = 5;
export const DOUBLE = 6;
export const BIGINT = 7;
export const BIGINT_HEX = 8;
export const LATIN1 = 9;
export const UTF16 = 10;
export const ARRAY = 11;
export const SPARSE = 12;
export const OBJECT = 13;
export const MAP = 14;
export const SET = 15;
export const DATE = 16;
export const REGEXP = 17;
export const BOXED = 18;
export const BUFFER = 19;
export const RESIZABLE = 20;
export const VIEW = 21;
export const ERROR = 22;
export const SAME = 23;
export const SIDE = 24;
export const END = 25;
export const HANDLE_TAG = 26;
export const BULK_BUFFER = 27;
export const BRIDGED = 28;

export const TAG = 0x7f;
export const REFERENCED = 0x80;
export const LONG = 0xffffff;
export const TRACKING = -1;

/** By their index; the names are those that a view's own `Symbol.toStringTag` gives. */
export const VIEWS = [
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

// The two words of a number or of a 64-bit integer, by way of memory that these share from one line to the next.
export const double = new Float64Array(1);
export const bigint = new BigInt64Array(double.buffer);
export const halves = new Int32Array(double.buffer);

/** What a write returns, in place of the word after the value, when it would not fit below the limit. */
export const NO_ROOM = -1;

export function headerWords(n: number): number {
  return n < LONG ? 1 : 2;
}

/** Writes a header at word `at`, where the caller knows that there is room; returns the word after it. */
export function header(i32: Int32Array, at: number, tag: number, n: number): number {
  if (n < LONG) {
    i32[at] = tag | n << 8;
    return at + 1;
  }
  i32[at] = tag | LONG << 8;
  i32[at + 1] = n;
  return at + 2;
}
