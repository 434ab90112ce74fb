/** Fibonacci by fork and join: each number is a task, down to the last two. */
import { task } from "@heddle/heddle";

const fib = task(import.meta, "fib", async (ctx, n: number): Promise<number> => {
  if (n < 2) return n;
  const less = ctx.go(fib(n - 1));
  const least = await ctx.go(fib(n - 2));
  return await less + least;
});

/** Returns the number. */
export const run = task(import.meta, "run", async (ctx, n: number): Promise<number> => await ctx.go(fib(n)));
