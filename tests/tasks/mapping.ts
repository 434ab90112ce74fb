/** Tasks for items, and stages. */
import { type Channel, parallelMap, task } from "@heddle/heddle";

/** Takes longer for small numbers. */
export const slowSquare = task(import.meta, "slowSquare", async (ctx, n: number): Promise<number> => {
  await ctx.sleep(Math.max(0, 6 - n));
  return n * n;
});

export const addsTo = task(
  import.meta,
  "addsTo",
  (_ctx, n: number, more?: number): number => n + (more ?? 100),
);

/** How many run at once is counted in words: now, and the most. */
export const countsItself = task(
  import.meta,
  "countsItself",
  async (ctx, [n, shared]: [number, SharedArrayBuffer]): Promise<number> => {
    const words = new Int32Array(shared);
    const now = Atomics.add(words, 0, 1) + 1;
    for (let most = words[1]; now > most; most = words[1]) Atomics.compareExchange(words, 1, most, now);
    try {
      if (n === 13) throw new RangeError("thirteen");
      await ctx.sleep(1);
      return n;
    } finally {
      Atomics.sub(words, 0, 1);
    }
  },
);

/** The first item's waits until the channel is closed. */
export const firstWaits = task(
  import.meta,
  "firstWaits",
  async (_ctx, [n, gate]: [number, Channel<never>]): Promise<number> => {
    if (n === 0) { for await (const _ of gate); }
    return n;
  },
);

export const mapsInside = task(import.meta, "mapsInside", async (ctx, count: number): Promise<number> => {
  let sum = 0;
  const items = Array.from({ length: count }, (_, n) => n);
  for await (const n of parallelMap(ctx, items, slowSquare, { ordered: false })) sum += n;
  return sum;
});

export const adds = task(
  import.meta,
  "adds",
  async (_ctx, from: Channel<number>, to: Channel<number>): Promise<void> => {
    for await (const n of from) await to.send(n + 1);
  },
);

export const failsAtThree = task(
  import.meta,
  "failsAtThree",
  async (_ctx, from: Channel<number>, to: Channel<number>): Promise<void> => {
    for await (const n of from) {
      if (n === 3) throw new RangeError("three");
      await to.send(n);
    }
  },
);
