// Values across threads: a compact copy of everything that structuredClone takes. codec/format.ts has the encoding, and
// codec/README.md, "Values", what differs.
//
// The words that are written and read may be shared memory, but for the time of the call they are the caller's alone;
// so these are plain accesses, and the caller orders them against the other threads. What is decoded is always a copy.

import { isStackOverflow, stackEnded, TooDeep } from "./depth.ts";
import { type ErrorClass, isUnknown } from "./errors.ts";
import { copyFlat } from "./flat.ts";
import { ARRAY, type Bytes, ERROR, header, headerWords, TAG } from "./format.ts";
import { Reader } from "./read.ts";
import { Refusal } from "./refusal.ts";
import { NOT_SCALAR, writeScalar } from "./scalars.ts";
import { CELL, COPY, COPY_ARGUMENTS, SLOT, type Way, WHOLE } from "./way.ts";
import { Writer } from "./write.ts";
import { bridgedKind, isHandle, type References } from "./handle.ts";
import type { Payload } from "../arena/heap.ts";

export type { Bytes, ErrorClass };
export { CELL, SLOT };
export { knowErrorClass, knownErrorClass } from "./errors.ts";

/** Is it immutable, so that passing it along equals cloning it? */
export function isPrimitive(value: unknown): boolean {
  const type = typeof value;
  return value === null || (type !== "object" && type !== "function" && type !== "symbol");
}

/**
 * Writes `value` at byte `at`, a multiple of 4, and nothing at or past byte `end`. Returns the byte after it, a multiple
 * of 4; or -1 if it does not fit or cannot be bytes alone: then `encode()` is the way. A DataCloneError calls the value
 * `root`.
 *
 * Getters run, as in structuredClone; after a -1 they run once more in `encode()`.
 */
export function encodeInto(bytes: Bytes, at: number, end: number, value: unknown, root = "value"): number {
  const after = writeScalar(bytes, at >> 2, end >> 2, value);
  if (after !== NOT_SCALAR) return after < 0 ? -1 : after * 4;
  return writeInto(bytes, at >> 2, end >> 2, value, root, false);
}

/**
 * `encodeInto` for an array that a rest parameter made, so that it has neither holes nor properties besides its
 * elements: to look for these is most of the cost of a short array.
 */
export function encodeArguments(bytes: Bytes, at: number, end: number, args: readonly unknown[]): number {
  const limit = end >> 2;
  let word = at >> 2;
  if (word + headerWords(args.length) > limit) return -1;
  word = header(bytes.i32, word, ARRAY, args.length);
  for (let i = 0; i < args.length && word >= 0; i++) word = writeScalar(bytes, word, limit, args[i]);
  if (word !== NOT_SCALAR) return word < 0 ? -1 : word * 4;
  return writeInto(bytes, at >> 2, limit, args, "args", true);
}

function writeInto(
  bytes: Bytes,
  at: number,
  limit: number,
  value: unknown,
  root: string,
  isPlain: boolean,
): number {
  const writer = borrowWriter();
  try {
    writer.aim(bytes, at, limit);
    const after = isPlain ? writer.writeWholeArray(at, value as readonly unknown[]) : writer.write(at, value);
    if (after >= 0) writer.depart();
    return after < 0 ? -1 : after * 4;
  } catch (error) {
    throw outward(error, root, value);
  } finally {
    giveBack(writer);
  }
}

/** A message to be passed on. All of it is valid until `place` returns, and what is in the two lists for good. */
export interface Message extends Payload {
  /** What cannot be bytes; and what of it a postMessage has to list as transferred, once the message was placed. */
  readonly side: unknown[];
  readonly transfer: Transferable[];
}

/**
 * Encodes a value for `place` to pass on. If that throws nothing has happened; else references in it are on their way, and
 * what was given up is detached.
 */
export function pack<T>(
  value: unknown,
  root: string,
  way: typeof SLOT | typeof CELL,
  handles: References | undefined,
  place: (message: Message) => T,
): T {
  return write(value, root, way, handles, (writer, after) => {
    const size = writer.layOut(after);
    const { bulk, side, transfer } = writer.beside;
    const placed = place({ bytes: writer.bytes.u8.subarray(0, after * 4), bulk, size, side, transfer });
    writer.depart();
    return placed;
  });
}

/** Encodes to private memory, whole. `bytes` is valid until the next value is encoded in this isolate. */
export function encode(
  value: unknown,
  root = "value",
): { bytes: Uint8Array; side: unknown[]; transfer: Transferable[] } {
  return write(value, root, WHOLE, undefined, (writer, after) => {
    writer.depart();
    const { side, transfer } = writer.beside;
    return { bytes: writer.bytes.u8.subarray(0, after * 4), side, transfer };
  });
}

/**
 * Copies a value as a change of threads would. Handles stay what they are. `classOf` as in `decode`; `refusal` is thrown if
 * there is anything that cannot be bytes.
 */
export function copy(
  value: unknown,
  root: string,
  classOf?: (name: string) => ErrorClass | undefined,
  refusal?: () => Error,
  way: typeof COPY | typeof COPY_ARGUMENTS = COPY,
): unknown {
  if (isPrimitive(value)) return value;
  const flat = typeof value === "object" ? copyFlat(value!) : undefined;
  if (flat !== undefined) return flat;
  return write(value, root, way, undefined, (writer) => {
    if (refusal !== undefined && !writer.beside.side.every(isOurs)) throw refusal();
    writer.depart();
    const { side, transfer } = writer.beside;
    return decode(writer.bytes, 0, transfer.length === 0 ? side : transferred(side, transfer), classOf);
  });
}

/** The same for the arguments of a task, among which signals stay what they are, too. */
export function copyArguments(args: readonly unknown[]): unknown[] {
  return copy(args, "args", undefined, undefined, COPY_ARGUMENTS) as unknown[];
}

/** Of side values of a copy: large buffers are copied or moved already. */
function isOurs(value: unknown): boolean {
  return value instanceof ArrayBuffer || isHandle(value) || bridgedKind(value as object) !== undefined;
}

function transferred(side: unknown[], transfer: Transferable[]): unknown[] {
  const moved = structuredClone(side.map((value) => isOurs(value) ? null : value), { transfer });
  return moved.map((value, i) => isOurs(side[i]) ? side[i] : value);
}

function write<T>(
  value: unknown,
  root: string,
  way: Way,
  handles: References | undefined,
  use: (writer: Writer, after: number) => T,
): T {
  const writer = borrowWriter();
  try {
    writer.aimAtScratch(way, handles);
    return use(writer, writer.write(0, value));
  } catch (error) {
    throw outward(error, root, value);
  } finally {
    giveBack(writer);
  }
}

/** Reads the value at byte `at`. `classOf` finds the classes of errors that are not known here. */
export function decode(
  bytes: Bytes,
  at: number,
  side: readonly unknown[] = [],
  classOf?: (name: string) => ErrorClass | undefined,
): unknown {
  try {
    return new Reader(bytes, at >> 2, side, classOf).read();
  } catch (error) {
    throw isStackOverflow(error) ? stackEnded("read") : error;
  }
}

/** The name of the class of the error at byte `at`, if an error is there and its class is not known here. */
export function unknownErrorClass(bytes: Bytes, at: number): string | undefined {
  if ((bytes.i32[at >> 2] & TAG) !== ERROR) return undefined;
  try {
    const reader = new Reader(bytes, (at >> 2) + 1, [], undefined);
    const className = reader.read() as string;
    const baseName = reader.read() as string;
    return isUnknown(className, baseName) ? className : undefined;
  } catch {
    // Whoever reads all of it will find out.
    return undefined;
  }
}

function outward(error: unknown, root: string, value: unknown): unknown {
  if (error instanceof Refusal) return error.toError(root);
  if (error instanceof TooDeep) return error.toError(root, value);
  return isStackOverflow(error) ? stackEnded("copied") : error;
}

let spare: Writer | undefined = new Writer();

/** A getter may encode while its object is encoded: then it finds no spare writer, and gets one of its own. */
function borrowWriter(): Writer {
  const writer = spare ?? new Writer();
  spare = undefined;
  return writer;
}

function giveBack(writer: Writer): void {
  writer.forget();
  spare = writer;
}
