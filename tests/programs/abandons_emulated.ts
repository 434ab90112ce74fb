/** Abandons a task that never ends, by `runawayMs`; then its thread's place is another one's. One module, for where starting takes minutes. */
import { Scheduler, task } from "@heddle/heddle";

export const hog = task(import.meta, "hog", (): void => {
  for (;;);
});

export const sum = task(import.meta, "sum", (_ctx, a: number, b: number): number => a + b);

if (import.meta.main) {
  const sched = await Scheduler.start({ procs: 1, runawayMs: 300 });
  const ending = await sched.go(hog()).catch((error: Error) => error.name);
  console.log(`${ending}, then ${await sched.go(sum(1, 2))}`);
  await sched.close();
}
