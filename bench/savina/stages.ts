/** A pipeline: two stages, a task each, compute for about 100 us on each job. */
import { Channel, task } from "@heddle/heddle";
import { spin } from "../workload.ts";

const stage = task(import.meta, "stage", async (_ctx, from: Channel<number>, to: Channel<number>) => {
  for await (const seed of from) await to.send(spin(seed, 60_000) & 1023);
  to.close();
});

/** Returns the sum of what came out. */
export const run = task(import.meta, "run", async (ctx, jobs: number): Promise<number> => {
  const [first, second, last] = Array.from({ length: 3 }, () => new Channel<number>(ctx, 8));
  const stages = [ctx.go(stage(first, second)), ctx.go(stage(second, last))];
  const feeding = (async () => {
    for (let i = 0; i < jobs; i++) await first.send(i);
    first.close();
  })();
  let sum = 0;
  for await (const result of last) sum += result;
  await Promise.all([feeding, ...stages]);
  return sum;
});
