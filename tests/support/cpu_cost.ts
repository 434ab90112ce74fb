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
 * 4 n of n log n cost 4.5 times what n of them do, at n = 20,000; of n^2 16 times, and of what V8 does to a long array at
 * every `shift()` more than that.
 */
export const MOST = 9;

const ROUNDS = 6;

export interface Growth {
  /** The best of n, 2 n and 4 n, in milliseconds. */
  readonly costs: readonly number[];
  /** Of the last to the first. */
  readonly factor: number;
}

/** Ends as soon as `costs` are those of something that grows as it should, but after two rounds at the earliest. */
export async function growthOf(operation: Operation, n: number): Promise<Growth> {
  // What has to be loaded and compiled.
  await operation(Math.min(n, 2000));
  const costs = [Infinity, Infinity, Infinity];
  for (let round = 0; round < ROUNDS && (round < 2 || costs[2] > MOST * costs[0]); round++) {
    for (let i = 0; i < 3; i++) costs[i] = Math.min(costs[i], await operation(n * 2 ** i));
  }
  return { costs, factor: costs[2] / costs[0] };
}
