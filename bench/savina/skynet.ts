/** Skynet: a tree of tasks, ten children each, whose leaves return their numbers (github.com/atemerev/skynet). */
import { task } from "@heddle/heddle";

const CHILDREN = 10;

const node = task(import.meta, "node", async (ctx, first: number, leaves: number): Promise<number> => {
  if (leaves === 1) return first;
  const each = leaves / CHILDREN;
  const children = Array.from({ length: CHILDREN }, (_, i) => ctx.go(node(first + i * each, each)));
  let sum = 0;
  for (const child of children) sum += await child;
  return sum;
});

/** Returns the sum of the leaves' numbers. */
export const run = task(import.meta, "run", async (ctx, leaves: number): Promise<number> => {
  return await ctx.go(node(0, leaves));
});
