/**
 * What something costs as it grows. The process's CPU time is taken, of all its threads, and of each size the best of
 * several rounds: other processes take time away, not this time.
 */
import process from "node:process";

/** Milliseconds of CPU that the process used for it. */
export async function costOf(part: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await part();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The cost of an operation on so many. */
export type Operation = (n: number) => number | Promise<number>;

/**
 * 4 n of n log n cost 4.5 times what n of them do, at n = 10,000; of n^2 16 times, and of what V8 does to a long array at
 * every `shift()` more than that.
 */
export const MOST = 9;

/** So much is clear at once. What exceeds it is measured again, in case something else was in the way. */
const CLEAR = 6;
/** Milliseconds that the least has to cost: with less, it is done before caches overflow and the collector comes. Guess. */
const LEAST = 10;
const ROUNDS = 3;

export interface Growth {
  readonly sizes: readonly number[];
  /** The best of each, in milliseconds. */
  readonly costs: readonly number[];
  /** Of the last to the first. */
  readonly factor: number;
}

/**
 * At multiples of `n`, the last of which is 4; if n of them cost too little, of the first of its doubles that does not. What grows
 * too much there has to do so again, from 2 to 8: what waits in a loop costs what others leave it to, and once that was little.
 */
export async function growthOf(operation: Operation, n: number, multiples = [1, 4]): Promise<Growth> {
  // What has to be loaded and compiled.
  await operation(Math.min(n, 1000));
  for (;; n *= 2) {
    const sizes = multiples.map((multiple) => n * multiple);
    const costs = sizes.map(() => Infinity);
    const factor = () => costs.at(-1)! / costs[0];
    for (let round = 0; round < ROUNDS && costs[0] >= LEAST && !(factor() < CLEAR); round++) {
      for (let i = 0; i < sizes.length && costs[0] >= LEAST; i++) {
        costs[i] = Math.min(costs[i], await operation(sizes[i]));
      }
    }
    if (costs[0] < LEAST) continue;
    // Also when only a later round shows that it does: in an earlier one the collector may have come.
    if (factor() < MOST) return { sizes, costs, factor: factor() };
    const again = await growthBetween(operation, 2 * n, 8 * n);
    return again.factor < factor() ? again : { sizes, costs, factor: factor() };
  }
}

async function growthBetween(operation: Operation, ...sizes: [number, number]): Promise<Growth> {
  const costs = [await operation(sizes[0]), await operation(sizes[1])];
  return { sizes, costs, factor: costs[1] / costs[0] };
}

export function shownGrowth({ sizes, costs, factor }: Growth): string {
  const shown = sizes.map((size) => size.toLocaleString("en-US"));
  return `${shown.join(", ")} take ${costs.map(Math.round).join(", ")} ms: ${factor.toFixed(1)} times`;
}
