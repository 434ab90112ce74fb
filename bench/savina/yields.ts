/** Tasks that each yield a hundred times. */
import { task } from "@heddle/heddle";

const YIELDS = 100;

const yields = task(import.meta, "yields", async (ctx) => {
  for (let i = 0; i < YIELDS; i++) await ctx.yield();
  return YIELDS;
});

/** Returns all their yields. */
export const run = task(import.meta, "run", async (ctx, tasks: number): Promise<number> => {
  const started = Array.from({ length: tasks }, () => ctx.go(yields()));
  let sum = 0;
  for (const each of started) sum += await each;
  return sum;
});
