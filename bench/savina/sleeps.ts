/** Tasks that sleep once each, for times spread evenly over two seconds. */
import { task } from "@heddle/heddle";

const SPREAD = 2_000;

const sleeps = task(import.meta, "sleeps", async (ctx, ms: number): Promise<number> => {
  const due = performance.now() + ms;
  await ctx.sleep(ms);
  return performance.now() - due;
});

/** Returns how late they woke, in ms: the mean. One that woke early is an error. */
export const run = task(import.meta, "run", async (ctx, tasks: number): Promise<number> => {
  // 7919 is prime, so the order of the times has nothing to do with that of the tasks.
  const started = Array.from({ length: tasks }, (_, i) => {
    return ctx.go(sleeps((i * 7919 % tasks) / tasks * SPREAD));
  });
  let late = 0;
  for (const each of started) {
    const ms = await each;
    if (ms < -1) throw new Error(`a sleeper woke ${-ms} ms early`);
    late += ms;
  }
  return late / tasks;
});
