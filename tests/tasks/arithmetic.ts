import { task } from "@heddle/heddle";

export const add = task(import.meta, "add", (_ctx, a: number, b: number) => a + b);

export const identity = task(import.meta, "identity", (_ctx, n: number) => n);

export const nothing = task(import.meta, "nothing", () => {});

export const tidOf = task(import.meta, "tidOf", (ctx) => ctx.tid);

export const idOf = task(import.meta, "idOf", (ctx) => ctx.id);

/** How many tasks a binary tree of this depth consists of, and the threads that they ran on. */
export const tree = task(import.meta, "tree", async (ctx, depth: number): Promise<[number, number[]]> => {
  if (depth === 0) return [1, [ctx.tid]];
  const [[left, leftTids], [right, rightTids]] = await Promise.all([
    ctx.go(tree(depth - 1)),
    ctx.go(tree(depth - 1)),
  ]);
  return [1 + left + right, [...new Set([ctx.tid, ...leftTids, ...rightTids])]];
});

/** The same sum over `count` children that one task starts in one go. */
export const fan = task(import.meta, "fan", async (ctx, count: number): Promise<number> => {
  const children = Array.from({ length: count }, (_, i) => ctx.go(identity(i)));
  return (await Promise.all(children)).reduce((sum, n) => sum + n, 0);
});
