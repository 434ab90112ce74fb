/**
 * The one door to shared memory: no other module names `Atomics` or a futex. JavaScript's atomics are sequentially
 * consistent, so interleaving these operations is the whole memory model, and a checker can replace this module.
 *
 * A word is an `Int32Array` element. All functions but `pause` are one operation on one word, so a reader of the
 * protocols in the READMEs can count them.
 */
import type { Shim } from "../../ffi/shim.ts";

export function load(words: Int32Array, index: number): number {
  return Atomics.load(words, index);
}

/**
 * A load of a word that its owner may be writing plainly at this moment, so what is read says nothing yet: for who looks
 * before and after at words that tell whether it was stable (seen_slot.ts, seen_objects.ts). The model takes it for no race.
 */
export function glance(words: Int32Array, index: number): number {
  return Atomics.load(words, index);
}

export function store(words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index, value);
}

/** Returns the value before. */
export function add(words: Int32Array, index: number, value: number): number {
  return Atomics.add(words, index, value);
}

/** Returns the value before. */
export function or(words: Int32Array, index: number, value: number): number {
  return Atomics.or(words, index, value);
}

/** Returns the value before. */
export function exchange(words: Int32Array, index: number, value: number): number {
  return Atomics.exchange(words, index, value);
}

/** Whether `expected` was there and `next` took its place. */
export function cas(words: Int32Array, index: number, expected: number, next: number): boolean {
  return Atomics.compareExchange(words, index, expected, next) === expected;
}

// Atomics.pause is younger than TypeScript's library. Without it a spin merely runs hotter.
const { pause: pauseHint } = Atomics as { pause?: () => void };

/** Tells the CPU that this is a spin; about 35 ns (Deno 2.9, a foreign call from JIT code). */
export function pause(): void {
  pauseHint?.();
}

/** Wakes the isolate whose `sleepInEventLoop` waits on the word. */
export function notify(words: Int32Array, index: number): void {
  Atomics.notify(words, index);
}

/**
 * Resolves once the word has been notified, has lost `expected`, or `timeoutMs` has passed. The isolate's event loop
 * goes on meanwhile. It is not held by it: who needs the process to stay holds it by other means.
 */
export function sleepInEventLoop(
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
): Promise<unknown> {
  const result = Atomics.waitAsync(words, index, expected, timeoutMs);
  return result.async ? result.value : Promise.resolve();
}

/** -ETIMEDOUT */
const TIMED_OUT = -110;

/**
 * A futex over the words of one buffer. Sleeping in it is a synchronous foreign call, as fast as C; or `Atomics.wait` where there is
 * no shim: one cannot wake who sleeps in the other. The isolate's event loop stands still. It may end for nothing: callers look at
 * their word again.
 */
export class Futex {
  readonly #words: Int32Array;
  readonly #shim: Shim | undefined;
  readonly #base: number;

  constructor(shim: Shim, words: Int32Array) {
    this.#words = words;
    this.#shim = shim.capabilities.native ? shim : undefined;
    this.#base = shim.addressOf(words);
  }

  /** `timeoutUs` below 0 waits for ever. Whether the time was over. */
  sleep(index: number, expected: number, timeoutUs: number): boolean {
    if (this.#shim === undefined) {
      const ms = timeoutUs < 0 ? Infinity : timeoutUs / 1000;
      return Atomics.wait(this.#words, index, expected, ms) === "timed-out";
    }
    return this.#shim.futexWait(this.#base + index * 4, expected, timeoutUs) === TIMED_OUT;
  }

  wake(index: number): void {
    // All, of which one sleeps here: V8 may keep a `waitAsync` of the same isolate, from a sleep that ended otherwise, before it.
    if (this.#shim === undefined) Atomics.notify(this.#words, index);
    else this.#shim.futexWake(this.#base + index * 4, 1);
  }
}
