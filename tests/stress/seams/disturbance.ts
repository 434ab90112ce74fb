/**
 * Holds threads up between two operations on shared memory, as a kernel with other things to do would: how often and for
 * how long is decided by the seed, for each thread anew. Some are not held up at all, some are always slow.
 *
 * Each of the two instances of the scheduler's modules in a thread has a state of its own.
 */
import { workerData } from "node:worker_threads";

const SEED = Symbol.for("heddle.stress.seed");

/** On the host: before a scheduler starts. Its threads read it when they begin. */
export function setSeed(seed: number): void {
  Deno.env.set("HEDDLE_STRESS_SEED", String(seed));
  (globalThis as unknown as Record<symbol, number>)[SEED] = seed;
  begin();
}

const nobodysWord = new Int32Array(new SharedArrayBuffer(4));
let state = 1;
/** Operations until the next delay. */
let left = Infinity;
/** Operations between two delays, on average half of it. */
let rarity = Infinity;

function random(n: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
}

function begin(): void {
  const seed = Number(Deno.env.get("HEDDLE_STRESS_SEED") ?? 0);
  const isolate: number = workerData?.isolate ?? -1;
  state = Math.imul(seed * 64 + isolate + 2, 2654435761) | 1;
  for (let i = 0; i < 8; i++) random(2);
  rarity = [Infinity, 20_000, 2_000, 300, 60][random(5)];
  left = random(1000);
}

/** Whether something that happens with one chance in `n` happens now. Never on a thread that nothing disturbs. */
export function isTheCase(n: number): boolean {
  return rarity !== Infinity && random(n) === 0;
}

/** Some microseconds of JavaScript now and then. */
export function count(): void {
  if (!isTheCase(50)) return;
  for (let i = random(30_000); i > 0; i--);
}

/** Before and after every operation. */
export function disturb(): void {
  if (--left < 0) holdUp();
}

function holdUp(): void {
  if (rarity === Infinity) {
    left = Infinity;
    return;
  }
  left = random(rarity);
  const dice = random(100);
  if (dice < 60) {
    const end = performance.now() + random(30) / 1000;
    while (performance.now() < end);
  } else {
    // The CPU goes to others. Above 1 ms sysmon takes Ps from calls and the event loops' slices are over.
    Atomics.wait(nobodysWord, 0, 0, dice < 90 ? random(10) / 100 : dice < 99 ? random(3) : random(25));
  }
}

begin();
