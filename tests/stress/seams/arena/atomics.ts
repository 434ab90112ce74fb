/** As scheduler/arena/atomics.ts; threads are held up between operations, and sleeps end for nothing. */
import * as undisturbed from "../../../../scheduler/arena/atomics.ts";
import { disturb, isTheCase } from "../disturbance.ts";

export function load(words: Int32Array, index: number): number {
  disturb();
  return undisturbed.load(words, index);
}

export function glance(words: Int32Array, index: number): number {
  disturb();
  return undisturbed.glance(words, index);
}

export function store(words: Int32Array, index: number, value: number): void {
  disturb();
  undisturbed.store(words, index, value);
  disturb();
}

export function add(words: Int32Array, index: number, value: number): number {
  disturb();
  const before = undisturbed.add(words, index, value);
  disturb();
  return before;
}

export function or(words: Int32Array, index: number, value: number): number {
  disturb();
  const before = undisturbed.or(words, index, value);
  disturb();
  return before;
}

export function exchange(words: Int32Array, index: number, value: number): number {
  disturb();
  const before = undisturbed.exchange(words, index, value);
  disturb();
  return before;
}

export function cas(words: Int32Array, index: number, expected: number, next: number): boolean {
  disturb();
  const isDone = undisturbed.cas(words, index, expected, next);
  disturb();
  return isDone;
}

export const pause: () => void = undisturbed.pause;

export function notify(words: Int32Array, index: number): void {
  disturb();
  undisturbed.notify(words, index);
}

export function sleepInEventLoop(
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
): Promise<unknown> {
  disturb();
  if (isTheCase(20)) return Promise.resolve();
  return undisturbed.sleepInEventLoop(
    words,
    index,
    expected,
    isTheCase(10) ? Math.min(timeoutMs, 1) : timeoutMs,
  );
}

export class Futex extends undisturbed.Futex {
  override sleep(index: number, expected: number, timeoutUs: number): boolean {
    disturb();
    if (isTheCase(20)) return false;
    const isCutShort = isTheCase(10) && (timeoutUs < 0 || timeoutUs > 500);
    const wasOver = super.sleep(index, expected, isCutShort ? 500 : timeoutUs);
    disturb();
    return wasOver && !isCutShort;
  }

  override wake(index: number): void {
    disturb();
    super.wake(index);
  }
}
