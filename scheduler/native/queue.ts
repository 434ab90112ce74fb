/**
 * A queue of native calls and the native Ms that take them: the host's side of `struct heddle_native_queue`. The other
 * side is native/native_m.c. See native/README.md, "Native Ms".
 *
 * A ring of call numbers. The host is the one producer; native Ms take at the head, by CAS. There are as many cells as
 * calls, so it is never full. One word, the state, has the counts that decide whether somebody must be woken:
 *
 *   spinning   1 bit     a native M looks for calls and has none. It looks again after it stopped being counted.
 *   active     15 bits   awake, and not known to be stuck in a call
 *   sleeping   16 bits   asleep, and nobody has decided to wake it yet
 */
import type { Shim } from "../../ffi/shim.ts";
import { add, cas, load, or, store } from "../arena/atomics.ts";
import {
  NATIVE_CALLS,
  QUEUE_CELLS,
  QUEUE_HEAD,
  QUEUE_HOST,
  QUEUE_IDLE_US,
  QUEUE_LIMIT,
  QUEUE_MASK,
  QUEUE_MAX_THREADS,
  QUEUE_PERMITS,
  QUEUE_RING,
  QUEUE_STACK_BYTES,
  QUEUE_STATE,
  QUEUE_STATUSES,
  QUEUE_TAIL,
  QUEUE_THREADS,
} from "../arena/layout/native.ts";

const ONE_SPINNING = 1;
const ONE_ACTIVE = 1 << 1;
const SLEEPING_SHIFT = 16;
/** In QUEUE_PERMITS: all end. */
const QUEUE_CLOSED = 1 << 30;

/** What a queue is told once, before its first thread starts. Addresses are those of C. */
export interface QueueLimits {
  readonly host: number;
  /** 0: nobody wants to know who is stuck. */
  readonly statuses: number;
  /** 0 is the system's default. */
  readonly stackBytes: number;
  /** Below 0: never. */
  readonly idleUs: number;
  /** Threads that are active at once. */
  readonly limit: number;
  readonly maxThreads: number;
}

export class NativeQueue {
  readonly #words: Int32Array;
  readonly at: number;
  readonly #shim: Shim;
  readonly #address: number;

  /** `at` is where it lies in `words`, at a multiple of a cache line. */
  constructor(shim: Shim, words: Int32Array, at: number) {
    this.#shim = shim;
    this.#words = words;
    this.at = at;
    this.#address = shim.addressOf(words.subarray(at));
  }

  /** By the host, before anything else. */
  open({ host, statuses, stackBytes, idleUs, limit, maxThreads }: QueueLimits): void {
    const words = this.#words;
    const numbers = new Float64Array(words.buffer, words.byteOffset + this.at * 4, QUEUE_MASK / 2);
    // Plain stores: no thread has its address yet, and starting one orders them.
    numbers[QUEUE_HOST / 2] = host;
    numbers[QUEUE_RING / 2] = this.#address + QUEUE_CELLS * 4;
    numbers[QUEUE_STATUSES / 2] = statuses;
    numbers[QUEUE_STACK_BYTES / 2] = stackBytes;
    numbers[QUEUE_IDLE_US / 2] = idleUs;
    words[this.at + QUEUE_MASK] = NATIVE_CALLS - 1;
    words[this.at + QUEUE_LIMIT] = limit;
    words[this.at + QUEUE_MAX_THREADS] = maxThreads;
  }

  get threads(): number {
    return load(this.#words, this.at + QUEUE_THREADS);
  }

  isEmpty(): boolean {
    return load(this.#words, this.at + QUEUE_HEAD) === load(this.#words, this.at + QUEUE_TAIL);
  }

  /** By the host. `wake()` follows. */
  push(call: number): void {
    const words = this.#words;
    const tail = load(words, this.at + QUEUE_TAIL);
    // Plain: a thread reads the cell after the tail.
    words[this.at + QUEUE_CELLS + (tail & (NATIVE_CALLS - 1))] = call;
    // Partner: a thread that goes to sleep counts itself as sleeping, then looks at the tail.
    store(words, this.at + QUEUE_TAIL, (tail + 1) | 0);
  }

  /** By the host, in place of threads that could not be started. Undefined if it is empty. */
  take(): number | undefined {
    const words = this.#words;
    for (;;) {
      const head = load(words, this.at + QUEUE_HEAD);
      if (head === load(words, this.at + QUEUE_TAIL)) return undefined;
      const call = words[this.at + QUEUE_CELLS + (head & (NATIVE_CALLS - 1))];
      if (cas(words, this.at + QUEUE_HEAD, head, (head + 1) | 0)) return call;
    }
  }

  /** By whoever left calls here. Returns 0, or the negative errno of a thread that did not start. */
  wake(): number {
    if ((load(this.#words, this.at + QUEUE_STATE) & ONE_SPINNING) !== 0) return 0;
    return this.#shim.nativeWake(this.#address);
  }

  /** By sysmon, which has found a thread stuck: another one may take its place. */
  discountActive(): void {
    add(this.#words, this.at + QUEUE_STATE, -ONE_ACTIVE);
  }

  /** Whether there is a thread that could be woken, or room for one more. */
  canGrow(): boolean {
    const sleeping = load(this.#words, this.at + QUEUE_STATE) >>> SLEEPING_SHIFT;
    return sleeping > 0 || this.threads < this.#words[this.at + QUEUE_MAX_THREADS];
  }

  /** Whether fewer threads are active than may be. */
  hasRoom(): boolean {
    const active = (load(this.#words, this.at + QUEUE_STATE) >>> 1) & 0x7fff;
    return active < this.#words[this.at + QUEUE_LIMIT];
  }

  /** Its threads end, each after the call that it is in. What is queued stays there. */
  close(): void {
    or(this.#words, this.at + QUEUE_PERMITS, QUEUE_CLOSED);
    this.#shim.futexWake(this.#address + QUEUE_PERMITS * 4, 2 ** 31 - 1);
  }
}
