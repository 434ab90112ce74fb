/**
 * The work itself: every contender runs these functions and no others, so a difference in time is never a difference
 * in work. For piscina and tinypool this module is the worker file as well; hence one number in and one out.
 */

/** The trivial task: what is measured is everything around it. */
export function noop(n: number): number {
  return n;
}

/** The same for what is large. */
export function echo(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/**
 * A task of pure arithmetic (xorshift), about 5 ms: 3,000,000 steps of 1.65 ns on a 2023 server core. It allocates
 * nothing, so that threads share neither a heap nor memory bandwidth and only the pool can keep two of them from
 * being twice as fast as one.
 */
export function spin(seed: number, steps = 3_000_000): number {
  let x = seed | 1;
  for (let step = 0; step < steps; step++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}

/** Blocks its thread for `ms` without using CPU, and says which thread that was (the kernel's id). */
export function hold(ms: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return Number(Deno.readLinkSync("/proc/thread-self").split("/").at(-1));
}
