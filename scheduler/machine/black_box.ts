/**
 * What a thread runs, for the time when it cannot say so itself: M_BOX in its record. The thread writes it when a task
 * begins there, if `onStall` or `runawayMs` was given; the host reads it when sysmon has found the thread to be late.
 *
 * Plain memory. A reader may find it half written, if the thread goes on just then: so the first word is the number of
 * bytes, 0 while it is being written, and a count of what was written before; and the reader looks at it before and after. On ARM
 * that takes the load between in the writer, and glances in the reader: arena/README.md, "Weak order".
 */
import { exchange, glance, load, store } from "../arena/atomics.ts";
import { decode, encode } from "../codec/codec.ts";
import type { G } from "./g.ts";
import { type Heap, offsetOf } from "../arena/heap.ts";
import { stallOf } from "../parking/locks.ts";
import type { Arena } from "../arena/arena.ts";
import { RUNAWAY_MS, STALL_MS } from "../arena/layout/header.ts";
import { BOX_BYTES, M_BOX, M_STACK, M_STALLED } from "../arena/layout/m.ts";

/** What a thread runs. */
export interface Entry {
  readonly id: number;
  readonly name: string;
  /** The task that others know of it: itself, or the one that has started it, or has started that. -1: none yet. */
  readonly slot: number;
  /** Of its arguments. */
  readonly shape: string;
}

/** Of the first word: how many bytes there are, fewer than this power of two; the rest counts. */
const ONE = BOX_BYTES;
const SIZE_MASK = BOX_BYTES - 1;

export class BlackBox {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #record: number;
  /** The first word. */
  readonly #head: number;
  readonly #bytes: Uint8Array;
  readonly #text = new Uint8Array(BOX_BYTES - 4);
  readonly #encoder = new TextEncoder();
  /** The last turn whose stack was told. */
  #told = -1;

  constructor(arena: Arena, isolate: number) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#record = arena.isolate(isolate);
    this.#head = this.#record + M_BOX;
    this.#bytes = arena.u8.subarray(this.#head * 4 + 4, this.#head * 4 + BOX_BYTES);
  }

  /** Undefined if nobody wants to know. */
  static open(arena: Arena, isolate: number): BlackBox | undefined {
    const isWanted = load(arena.i32, STALL_MS) !== 0 || load(arena.i32, RUNAWAY_MS) !== 0;
    return isWanted ? new BlackBox(arena, isolate) : undefined;
  }

  /** By the thread, about to run it. */
  write(g: G, name: string, args: readonly unknown[]): void {
    let known: G | undefined = g;
    while (known !== undefined && known.slot < 0) known = known.parent;
    const text = `${g.id}\n${known?.slot ?? -1}\n${name}\n(${args.map(shapeOf).join(", ")})`;
    const { written } = this.#encoder.encodeInto(text, this.#text);
    const count = load(this.#words, this.#head) & ~SIZE_MASK;
    store(this.#words, this.#head, count);
    load(this.#words, this.#head);
    this.#bytes.set(this.#text.subarray(0, written));
    store(this.#words, this.#head, (count + ONE) | written);
  }

  /** By the thread, in a task's call: the stack, if sysmon has found that this turn is too long. Whether there was news. */
  writeStack(turn: number, heap: Heap): boolean {
    if (turn === this.#told || load(this.#words, this.#record + M_STALLED) !== stallOf(turn)) return false;
    this.#told = turn;
    // Without its first line, and those of the scheduler.
    const lines = new Error().stack!.split("\n").filter((line) => !line.includes("(heddle:thread")).slice(1);
    const block = heap.put(encode(lines.join("\n"), "stack").bytes);
    if (block === 0) return false;
    const before = exchange(this.#words, this.#record + M_STACK, block);
    if (before !== 0) heap.release(before);
    return true;
  }

  /** By the host. */
  readStack(heap: Heap): string | undefined {
    const block = exchange(this.#words, this.#record + M_STACK, 0);
    if (block === 0) return undefined;
    const stack = decode(this.#arena, offsetOf(this.#arena, block)) as string;
    heap.release(block);
    return stack;
  }

  /** By the host. Undefined if it was written to meanwhile. */
  read(): Entry | undefined {
    const head = load(this.#words, this.#head);
    const size = head & SIZE_MASK;
    const copy = new Int32Array(Math.ceil(size / 4));
    for (let i = 0; i < copy.length; i++) copy[i] = glance(this.#words, this.#head + 1 + i);
    const text = new TextDecoder().decode(new Uint8Array(copy.buffer, 0, size));
    if (size === 0 || load(this.#words, this.#head) !== head) return undefined;
    const [id, slot, name, ...shape] = text.split("\n");
    return { id: Number(id), slot: Number(slot), name, shape: shape.join("\n") };
  }
}

/** What kind of a value it is, and how large: nothing of what is in it. */
function shapeOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string") return `string of ${value.length}`;
  if (Array.isArray(value)) return `array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${value[Symbol.toStringTag as never]} of ${value.byteLength} bytes`;
  if (typeof value !== "object") return typeof value;
  // Of a plain object it may be any of its properties.
  const name: unknown = value.constructor?.name;
  return typeof name === "string" ? name : "object";
}
