// Strings of the encoding (see the table in codec.ts): LATIN1 has a byte for each UTF-16 code unit, UTF16 two.
// Code units go across as they are, so lone surrogates survive; a TextDecoder would replace them.

import { Buffer } from "node:buffer";
import { type Bytes, header, headerWords, LATIN1, NO_ROOM, UTF16 } from "./format.ts";

/** From this length on a native copy beats a loop over the code units, its fixed cost included (measured). */
const NATIVE_WRITE = 96;
const NATIVE_READ = 16;

const utf8 = new TextEncoder();

// Buffer's own slices read any Uint8Array, over shared memory too, and decode code units without a look at them.
const { latin1Slice, ucs2Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, from: number, to: number): string;
  ucs2Slice(this: Uint8Array, from: number, to: number): string;
};

/** Writes `text` at word `at`; returns the word after it, or NO_ROOM. */
export function writeString(bytes: Bytes, at: number, limit: number, text: string): number {
  const { i32 } = bytes;
  const length = text.length;
  const start = at + headerWords(length);
  const after = start + ((length + 3) >> 2);
  if (after > limit) return NO_ROOM;

  if (length >= NATIVE_WRITE && isAsciiCopied(bytes.u8, start * 4, text)) {
    for (let i = length; i % 4 !== 0; i++) bytes.u8[start * 4 + i] = 0;
    header(i32, at, LATIN1, length);
    return after;
  }

  let word = start;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    if ((a | b | c | d) > 0xff) return writeUtf16(i32, at, limit, text);
    i32[word++] = a | b << 8 | c << 16 | d << 24;
  }
  if (i < length) {
    let rest = 0;
    for (let shift = 0; i < length; i++, shift += 8) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) return writeUtf16(i32, at, limit, text);
      rest |= unit << shift;
    }
    i32[word] = rest;
  }
  header(i32, at, LATIN1, length);
  return after;
}

/** UTF-8 that is as long as its text is ASCII, and then it is LATIN1 as well. */
function isAsciiCopied(u8: Uint8Array, at: number, text: string): boolean {
  const { read, written } = utf8.encodeInto(text, u8.subarray(at, at + text.length));
  return read === text.length && written === text.length;
}

function writeUtf16(i32: Int32Array, at: number, limit: number, text: string): number {
  const length = text.length;
  let word = at + headerWords(length);
  if (word + ((length + 1) >> 1) > limit) return NO_ROOM;
  header(i32, at, UTF16, length);
  let i = 0;
  for (; i + 1 < length; i += 2) i32[word++] = text.charCodeAt(i) | text.charCodeAt(i + 1) << 16;
  if (i < length) i32[word++] = text.charCodeAt(i);
  return word;
}

export function readUtf16(bytes: Bytes, at: number, length: number): string {
  return ucs2Slice.call(bytes.u8, at * 4, at * 4 + length * 2);
}

export function readLatin1(bytes: Bytes, at: number, length: number): string {
  if (length >= NATIVE_READ) return latin1Slice.call(bytes.u8, at * 4, at * 4 + length);
  const { i32 } = bytes;
  let text = "";
  for (; length >= 4; length -= 4) {
    const word = i32[at++];
    text += String.fromCharCode(word & 0xff, word >> 8 & 0xff, word >> 16 & 0xff, word >>> 24);
  }
  if (length === 0) return text;
  const word = i32[at];
  if (length === 1) return text + String.fromCharCode(word & 0xff);
  if (length === 2) return text + String.fromCharCode(word & 0xff, word >> 8 & 0xff);
  return text + String.fromCharCode(word & 0xff, word >> 8 & 0xff, word >> 16 & 0xff);
}

// The keys of objects repeat, and making a string costs more than finding one. Each slot holds the words of a short
// key and the string that they spell; a key takes the slot that its words hash to.
// Guesses: 32 KB in all, so it stays in the cache.
const SLOTS = 1024;
const KEY_WORDS = 8;
const slotWords = new Int32Array(SLOTS * KEY_WORDS);
const slotText: string[] = new Array(SLOTS).fill("");

/**
 * Keys that were read and are names of Object.prototype's too. To assign to such a one may call a setter, or throw since that
 * was frozen: so it is defined. Names that are added there after they were first read are not looked for again.
 */
export const inherited = new Set<string>();

export function noted(key: string): string {
  if (key in Object.prototype) inherited.add(key);
  return key;
}

/** readLatin1 for the key of an object. */
export function readKey(bytes: Bytes, at: number, length: number): string {
  const words = (length + 3) >> 2;
  if (words > KEY_WORDS) return noted(readLatin1(bytes, at, length));
  const { i32 } = bytes;
  let hash = length;
  for (let i = 0; i < words; i++) hash = Math.imul(hash ^ i32[at + i], 0x9e3779b1);
  const slot = hash >>> 22;
  const base = slot * KEY_WORDS;
  const known = slotText[slot];
  let same = known.length === length;
  for (let i = 0; same && i < words; i++) same = slotWords[base + i] === i32[at + i];
  if (same) return known;

  // Only as the key of an object does V8 intern a string, and an interned one makes the next store cheaper.
  const text = noted(Object.keys({ [readLatin1(bytes, at, length)]: 0 })[0]);
  for (let i = 0; i < words; i++) slotWords[base + i] = i32[at + i];
  slotText[slot] = text;
  return text;
}
