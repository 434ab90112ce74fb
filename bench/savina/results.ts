/** Tasks compute for about 200 us each, twenty at a time, and send what they found on one channel. */
import { Channel, task } from "@heddle/heddle";
import { spin } from "../workload.ts";

const AT_ONCE = 20;

const finds = task(import.meta, "finds", async (_ctx, seed: number, results: Channel<number>) => {
  await results.send(spin(seed, 120_000) & 1023);
});

/** Returns the sum of what they found. */
export const run = task(import.meta, "run", async (ctx, tasks: number): Promise<number> => {
  const results = new Channel<number>(ctx, AT_ONCE);
  let sum = 0;
  for (let first = 0; first < tasks; first += AT_ONCE) {
    const started = Array.from({ length: AT_ONCE }, (_, i) => ctx.go(finds(first + i, results)));
    for (let i = 0; i < AT_ONCE; i++) sum += await results.recv() ?? 0;
    await Promise.all(started);
  }
  return sum;
});
