/**
 * What is given up as it is passed on: `move(value)`, and `transfer` in the options of a start.
 *
 * A mark says so until the value has been written. The marks hang on the global object, because a Heddle thread has two
 * instances of this module: tasks make marks with theirs, the bundled one reads them.
 */
import { isDetached, takeFrom } from "./buffers.ts";

interface Marks {
  readonly values: WeakSet<object>;
  /** At least how many of them there are: while it is 0 nobody looks. Of values that are never passed on it counts for good. */
  count: number;
}

const marks: Marks = (globalThis as unknown as Record<symbol, Marks>)[Symbol.for("heddle.moves")] ??= {
  values: new WeakSet(),
  count: 0,
};

export function isMarked(value: object): boolean {
  return marks.count !== 0 && marks.values.has(value);
}

function mark(value: object): boolean {
  if (marks.values.has(value)) return false;
  marks.values.add(value);
  marks.count++;
  return true;
}

export function unmark(value: object): void {
  if (marks.values.delete(value)) marks.count--;
}

/**
 * Marks a value to be given up by what passes it on next: the result of a task, what is sent through a channel, or an
 * argument. Every `ArrayBuffer` in it goes over instead of a copy, and is detached on this side as by `structuredClone` with
 * `transfer`, once the value has been passed on. The rest of the value is copied as ever. Of a view the whole buffer goes.
 *
 * A large buffer then takes the same time whatever its size. Small ones are copied and detached, and so are large ones that
 * are sent through a channel to another thread. What cannot be detached, as the memory of WebAssembly or a small `Buffer` of
 * Node.js, is copied and stays.
 *
 * @returns The value itself.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go, move, task } from "@heddle/heddle";
 *
 * export const inverted = task(import.meta, "inverted", (_ctx, pixels: Uint8Array) => {
 *   for (let i = 0; i < pixels.length; i++) pixels[i] ^= 0xff;
 *   return move(pixels);
 * });
 *
 * if (import.meta.main) {
 *   const pixels = new Uint8Array(4 << 20);
 *   const result = await go(inverted(move(pixels)));
 *   assertEquals([pixels.length, result.length, result[0]], [0, 4 << 20, 0xff]);
 * }
 * ```
 */
export function move<T>(value: T): T {
  if (typeof value === "object" && value !== null) mark(value);
  return value;
}

/** Throws a DataCloneError, or a TypeError if it is no list. */
export function requireTransfer(what: string, transfer: Iterable<Transferable>): Transferable[] {
  if (typeof transfer !== "object" || transfer === null || !(Symbol.iterator in transfer)) {
    throw new TypeError(`${what}: transfer is ${String(transfer)}: give an array of ArrayBuffers.`);
  }
  const list = [...transfer];
  for (const [i, value] of list.entries()) {
    const refuse = (why: string) => new DOMException(`${what}: transfer[${i}] ${why}`, "DataCloneError");
    if (value instanceof ArrayBuffer) {
      if (isDetached(value)) throw refuse("is a detached ArrayBuffer; list it before it is transferred");
    } else if (!isGivenUpAnyway(value)) {
      throw refuse(
        "cannot be transferred; list ArrayBuffers, such as the buffer of a view, MessagePorts and streams",
      );
    }
    if (list.indexOf(value) !== i) throw refuse("is in the list twice");
  }
  return list;
}

/** Listed or not. */
function isGivenUpAnyway(value: unknown): boolean {
  return value instanceof MessagePort || value instanceof ReadableStream || value instanceof WritableStream ||
    value instanceof TransformStream;
}

/** Gives up what is listed if `start` does not throw, also what is in none of the arguments. */
export function handOver<T>(transfer: readonly Transferable[] | undefined, start: () => T): T {
  if (transfer === undefined) return start();
  const marked = transfer.filter((value) => mark(value));
  try {
    const started = start();
    for (const value of transfer) {
      if (value instanceof ArrayBuffer && !isDetached(value)) takeFrom(value);
    }
    return started;
  } finally {
    for (const value of marked) unmark(value);
  }
}
