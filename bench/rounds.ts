/** On a terminal, in place of what was shown before. */
function show(step: string): void {
  const toLineStart = "\r\x1b[K";
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(toLineStart + step));
}

/** What each side measured, round by round. */
export type Samples = Map<string, number[]>;

/**
 * Interleaved, so that whatever else the machine does falls on all sides alike; and every round begins with another side,
 * so that none is always the one that runs after the busiest.
 */
export async function takeRounds<S, V>(
  sides: Map<string, S>,
  rounds: number,
  sample: (side: S, name: string) => Promise<V>,
): Promise<Map<string, V[]>> {
  const order = [...sides];
  const samples = new Map<string, V[]>(order.map(([name]) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, side] of order) {
        show(`round ${round + 1} of ${rounds}: ${name}`);
        samples.get(name)!.push(await sample(side, name));
      }
      order.push(order.shift()!);
    }
  } finally {
    show("");
  }
  return samples;
}

/** Throws if a side measured what is no number. */
export function requireFinite(row: string, samples: Samples): void {
  for (const [name, values] of samples) {
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) throw new Error(`${row}: ${name} measured ${wrong}`);
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
