/** A task starts children that do next to nothing, all at once, and awaits them. */
import { task } from "@heddle/heddle";

const child = task(import.meta, "child", (_ctx, n: number) => n);

export const run = task(import.meta, "run", async (ctx, children: number): Promise<number> => {
  const started = Array.from({ length: children }, (_, i) => ctx.go(child(i)));
  let sum = 0;
  for (const each of started) sum += await each;
  return sum;
});
