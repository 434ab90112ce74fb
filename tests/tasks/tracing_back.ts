/** Tasks that fail, whose stacks are looked at. Lines count. */
import { type Call, task } from "@heddle/heddle";
import { exitOfNode } from "./dying.ts";
import { computeUntil } from "./thieves.ts";
function helper(n: number): never {
  throw new RangeError(`bad ${n}`, { cause: new Error("why") });
}

export const leaf = task(import.meta, "leaf", (_ctx, n: number): number => helper(n));

export const later = task(import.meta, "later", async (ctx, n: number): Promise<number> => {
  await ctx.sleep(1);
  return helper(n);
});

export const branch = task(import.meta, "branch", async (ctx, n: number) => {
  return await ctx.go(leaf(n));
});

/** Its first child is taken by another thread while it computes. */
export const apart = task(import.meta, "apart", async (ctx) => {
  const child = ctx.go(later(1));
  computeUntil(() => child.state !== "queued", ctx);
  return await child;
});

export const deep = task(import.meta, "deep", async (ctx, n: number): Promise<number> => {
  return n === 0 ? helper(0) : await ctx.go(deep(n - 1));
});

/** A generic one. */
export const last = task<<T>(list: T[]) => Call<T>>(import.meta, "last", (_ctx, list) => list.at(-1));

/** Its children run elsewhere. */
export const losesChild = task(import.meta, "losesChild", async (ctx) => {
  await ctx.go(exitOfNode());
});
