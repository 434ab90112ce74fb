/** A task that starts children of a module that it does not import. */
import { task, tasksFrom } from "@heddle/heddle";

export const sumOfHalves = task(import.meta, "sumOfHalves", async (ctx, count: number): Promise<number> => {
  const { half } = tasksFrom<typeof import("./only_in_threads.ts")>(
    import.meta.resolve("./only_in_threads.ts"),
  );
  const halves = await Promise.all(Array.from({ length: count }, (_, n) => ctx.go(half(n))));
  return halves.reduce((sum, n) => sum + n, 0);
});
