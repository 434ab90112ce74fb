/**
 * What a program calls its channels and locks. While one isolate alone knows the handle, its name is beside it, in a table that
 * handles without a name take nothing of. The name goes to the arena with the object, into a block of its own: a count of bytes,
 * then UTF-8. It is written before the object is complete, and never changes; who frees the object frees the name.
 */
import type { Arena } from "../arena/arena.ts";
import { glance } from "../arena/atomics.ts";
import { type Heap, LEAST_BLOCK } from "../arena/heap.ts";
import { O_NAME } from "../arena/layout/object.ts";
import type { Handle } from "../codec/handle.ts";
import { type Names, requireOptions, shown } from "../tasks/options.ts";

/** Options of a channel or a lock. */
export interface SharedOptions {
  /** What it is called in dumps; the first 60 bytes count. Default: it has a number alone. */
  name?: string;
}

const SHARED_OPTIONS = { name: true } satisfies Names<SharedOptions>;

const MOST_BYTES = LEAST_BLOCK - 4;

const names = new WeakMap<object, string>();

/** By a handle's constructor. Throws a TypeError for what is no name. */
export function giveName(handle: object, options: SharedOptions): void {
  const what = `new ${handle.constructor.name}`;
  requireOptions(what, options, SHARED_OPTIONS);
  const { name } = options;
  if (name === undefined) return;
  if (typeof name !== "string") throw new TypeError(`${what}: name is ${shown(name)}: give a string.`);
  names.set(handle, name);
}

/** By who makes the object, which is not complete yet. In a full arena it has no name. */
export function writeName(
  { arena, heap }: { arena: Arena; heap: Heap },
  object: number,
  handle: Handle,
): void {
  const name = names.get(handle);
  if (name === undefined) return;
  const bytes = new Uint8Array(MOST_BYTES);
  const { written } = new TextEncoder().encodeInto(name, bytes);
  const block = heap.allocate(0);
  if (block === 0) return;
  arena.i32[block >> 2] = written;
  arena.u8.set(bytes, block + 4);
  arena.i32[object + O_NAME] = block >> 2;
}

/** By who frees the object. */
export function freeName(words: Int32Array, heap: Heap, object: number): void {
  if (words[object + O_NAME] !== 0) heap.free(words[object + O_NAME] * 4, 0);
}

/** By who looks without a lock, and finds out later whether it was the name: `at` is O_NAME, and may be a block. */
export function seeName(arena: Arena, at: number): string {
  const written = Math.max(0, Math.min(glance(arena.i32, at), MOST_BYTES));
  // TextDecoder refuses shared memory: slice() copies.
  return new TextDecoder().decode(new Uint8Array(arena.u8.slice(at * 4 + 4, at * 4 + 4 + written)));
}
