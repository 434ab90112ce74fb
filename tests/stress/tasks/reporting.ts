/** Tasks that report, and those that hear of it. */
import { task } from "@heddle/heddle";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

/** The numbers from 1, some of them with much beside. */
export const reports = task(import.meta, "reports", async (ctx, count: number, seed: number) => {
  const random = new Random(seed);
  for (let n = 1; n <= count; n++) {
    if (random.chance(10)) await linger(ctx, random);
    ctx.report(random.chance(10) ? [n, "x".repeat(random.below(20_000))] : [n]);
  }
});

/** All that a parent has heard. */
export const hearsOf = task(
  import.meta,
  "hearsOf",
  async (ctx, count: number, seed: number): Promise<number[]> => {
    const child = ctx.go(reports(count, seed));
    const heard: number[] = [];
    for await (const value of child.progress) heard.push((value as number[])[0]);
    await child;
    return heard;
  },
);
