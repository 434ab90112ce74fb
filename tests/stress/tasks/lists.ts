/** What parallelMap and pipelines start. */
import { type Channel, parallelMap, task } from "@heddle/heddle";
import { PLANNED } from "./families.ts";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

/** An item: its number, and when it fails. */
export type Item = [n: number, seed: number, fails?: boolean];

export const triples = task(import.meta, "triples", async (ctx, [n, seed, fails]: Item): Promise<number> => {
  const random = new Random(seed);
  if (random.chance(50)) await linger(ctx, random);
  if (fails) throw new RangeError(PLANNED);
  return 3 * n;
});

export const maps = task(
  import.meta,
  "maps",
  async (ctx, items: Item[], concurrency: number, ordered: boolean): Promise<number[]> =>
    await Array.fromAsync(parallelMap(ctx, items, triples, { concurrency, ordered, signal: ctx.signal })),
);

export const adding = task(
  import.meta,
  "adding",
  async (ctx, from: Channel<number>, to: Channel<number>): Promise<void> => {
    const random = new Random(ctx.id);
    for await (const n of from) {
      if (random.chance(20)) await linger(ctx, random);
      await to.send(n + 1);
    }
  },
);
