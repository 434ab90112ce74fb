/**
 * What sysmon does for native Ms: it finds out which are stuck in a call, so that others may take their places, and
 * wakes the host for calls that are done.
 */
import type { Shim } from "../../ffi/shim.ts";
import { cas, exchange, load } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { HOST } from "../arena/layout/m.ts";
import {
  MAX_NATIVE_THREADS,
  NATIVE_HOST_CALLED,
  NATIVE_HOST_QUEUES,
  NATIVE_STATUS_WORDS,
  QUEUE_NEXT,
} from "../arena/layout/native.ts";
import { NativeQueue } from "../native/queue.ts";
import type { Parker } from "../parking/parker.ts";
import { AWAKE, PARKED_EVENT_LOOP } from "../parking/sleep_word.ts";

/** The two low bits of a status, as in native/shim.h. */
const NATIVE_IN_CALL = 2;
const NATIVE_STUCK = 3;

export class NativeWatch {
  readonly #arena: Arena;
  readonly #shim: Shim;
  readonly #words: Int32Array;
  readonly #parker: Parker;
  readonly #pool: NativeQueue;
  /** The statuses of the last tick with calls waiting. */
  readonly #before: number[] = [];

  constructor(arena: Arena, shim: Shim, parker: Parker) {
    this.#arena = arena;
    this.#shim = shim;
    this.#words = arena.i32;
    this.#parker = parker;
    this.#pool = new NativeQueue(shim, arena.i32, arena.nativeQueue);
  }

  /**
   * By sysmon, 20 us to 1 ms after the last time. Returns whether it is needed again soon: calls wait, and another
   * thread could take one. Before sysmon sleeps for longer it announces that, then calls this once more.
   */
  tick(): boolean {
    // Partner: give_back in native/native_m.c, which sets it and then kicks sysmon.
    if (load(this.#words, this.#arena.nativeHost + NATIVE_HOST_CALLED) === 1) this.#callHost();
    if (this.#pool.isEmpty()) return false;
    this.#findStuck();
    if (this.#pool.hasRoom()) this.#pool.wake();
    return this.#pool.canGrow() && !this.#pool.isEmpty();
  }

  /** In the place of a host that is gone. */
  close(): void {
    // The pool was never opened, unless there are threads.
    if (this.#pool.threads > 0) this.#pool.close();
    const words = this.#words;
    for (
      let at = load(words, this.#arena.nativeHost + NATIVE_HOST_QUEUES);
      at !== 0;
      at = load(words, at + QUEUE_NEXT)
    ) {
      new NativeQueue(this.#shim, words, at).close();
    }
  }

  #callHost(): void {
    if (exchange(this.#words, this.#arena.nativeHost + NATIVE_HOST_CALLED, 0) === 1) {
      this.#parker.unpark(HOST, PARKED_EVENT_LOOP, AWAKE);
    }
  }

  /** Who is in the same call as a tick ago is stuck, and counts as active no longer. Partner: the end of that call. */
  #findStuck(): void {
    const words = this.#words;
    let left = this.#pool.threads;
    // Threads take the lowest free status: with few threads, one that is further on is found some ticks later.
    const end = Math.min(this.#before.length + left, MAX_NATIVE_THREADS);
    for (let i = 0; left > 0 && i < end; i++) {
      const at = this.#arena.nativeStatuses + i * NATIVE_STATUS_WORDS;
      const status = load(words, at);
      if (status !== 0) left--;
      const isInSameCall = (status & 3) === NATIVE_IN_CALL && this.#before[i] === status;
      if (isInSameCall && cas(words, at, status, status | NATIVE_STUCK)) this.#pool.discountActive();
      this.#before[i] = status;
    }
  }
}
