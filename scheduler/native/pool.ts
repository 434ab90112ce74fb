/** The pool of native Ms that `Scheduler.dlopen` uses: how many, with which stacks, and for how long. */
import type { Shim } from "../../ffi/shim.ts";
import type { Arena } from "../arena/arena.ts";
import type { NativeCalls } from "./calls.ts";
import type { NativeQueue } from "./queue.ts";

/**
 * Bytes. Only what is touched takes memory: 8 to 12 KB for most calls. 64 KiB would do for them, but name resolution
 * in glibc takes up to 100 KB, and a stack that is too small is a crash.
 */
const STACK = 256 << 10;
/** Microseconds without work after which a native M ends. Guess: starting one takes 50 us. */
const IDLE_US = 3e6;

/**
 * As many are active as there are CPUs: for quick calls more would only take turns. One that is in a call for long does
 * not count: see native_watch.ts.
 */
export function openPool(
  calls: NativeCalls,
  arena: Arena,
  shim: Shim,
  maxThreads: number,
): NativeQueue {
  return calls.queues.open(arena.nativeQueue, {
    statuses: shim.addressOf(arena.i32.subarray(arena.nativeStatuses)),
    stackBytes: STACK,
    idleUs: IDLE_US,
    limit: Math.min(shim.getAffinity().length, maxThreads),
    maxThreads,
  });
}
