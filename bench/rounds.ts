import type { Row } from "./row.ts";
import type { Side } from "./side.ts";

/** What each side measured, round by round. */
export type Samples = Map<string, number[]>;

/**
 * Interleaved, so that whatever else the machine does falls on all sides alike; and every round begins with another side,
 * so that none is always the one that runs after the busiest.
 */
export async function takeRounds(row: Row, sides: Map<string, Side>, rounds: number): Promise<Samples> {
  const order = [...sides];
  const samples: Samples = new Map(order.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of order) {
      const value = await side.sample(row);
      if (!Number.isFinite(value)) throw new Error(`${row.name}: ${name} measured ${value}`);
      samples.get(name)!.push(value);
    }
    order.push(order.shift()!);
  }
  return samples;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
