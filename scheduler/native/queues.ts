/**
 * The queues of native calls that are open. They lie in the arena, which outlives the host's isolate if that ends without a
 * word: sysmon closes them then, and finds those of native threads by a list.
 */
import type { Shim } from "../../ffi/shim.ts";
import { load, store } from "../arena/atomics.ts";
import { blockClass, type Heap } from "../arena/heap.ts";
import type { Arena } from "../arena/arena.ts";
import { NATIVE_HOST_QUEUES, QUEUE_NEXT, QUEUE_WORDS } from "../arena/layout/native.ts";
import { NativeQueue, type QueueLimits } from "./queue.ts";

type Limits = Omit<QueueLimits, "host">;

export class NativeQueues {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #shim: Shim;
  readonly #heap: Heap;
  /** Address of the `struct heddle_native_host`. */
  readonly #host: number;
  /** The head of the list. */
  readonly #first: number;
  readonly #open = new Set<NativeQueue>();
  #isClosed = false;

  constructor(arena: Arena, shim: Shim, heap: Heap, host: number) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#shim = shim;
    this.#heap = heap;
    this.#host = host;
    this.#first = arena.nativeHost + NATIVE_HOST_QUEUES;
  }

  /** The pool's. */
  open(at: number, limits: Limits): NativeQueue {
    const queue = new NativeQueue(this.#shim, this.#words, at);
    queue.open({ host: this.#host, ...limits });
    this.#open.add(queue);
    return queue;
  }

  /** A native thread's. Throws a RangeError if the arena is full. */
  openForThread(limits: Limits): NativeQueue {
    const block = this.#heap.allocate(blockClass(QUEUE_WORDS * 4));
    if (block === 0) {
      throw new RangeError(
        `The arena of ${this.#arena.shape.bytes} bytes (arenaBytes) is full: there is no room for a thread's queue.`,
      );
    }
    const at = block / 4;
    this.#words.fill(0, at, at + QUEUE_WORDS);
    this.#words[at + QUEUE_NEXT] = load(this.#words, this.#first);
    store(this.#words, this.#first, at);
    return this.open(at, limits);
  }

  /** Its thread has ended, or never began; or all was closed, and it may be in a call. */
  forget(queue: NativeQueue): void {
    if (this.#isClosed) return;
    this.#open.delete(queue);
    const words = this.#words;
    for (let before = this.#first, at; (at = load(words, before)) !== 0; before = at + QUEUE_NEXT) {
      if (at !== queue.at) continue;
      store(words, before, words[at + QUEUE_NEXT]);
      return this.#heap.free(at * 4, blockClass(QUEUE_WORDS * 4));
    }
  }

  /** Their threads end. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#open) queue.close();
  }
}
