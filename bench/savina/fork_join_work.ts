/** As fork_join.ts, with children that compute for about 10 us each. */
import { task } from "@heddle/heddle";
import { spin } from "../workload.ts";

const child = task(import.meta, "child", (_ctx, seed: number) => spin(seed, 6_000) & 1023);

export const run = task(import.meta, "run", async (ctx, children: number): Promise<number> => {
  const started = Array.from({ length: children }, (_, i) => ctx.go(child(i)));
  let sum = 0;
  for (const each of started) sum += await each;
  return sum;
});
