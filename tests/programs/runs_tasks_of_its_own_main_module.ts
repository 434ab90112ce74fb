import { Scheduler, task } from "@heddle/heddle";

const square = task(import.meta, "square", (_ctx, n: number) => n * n);

if (import.meta.main) {
  await using sched = await Scheduler.start({ procs: 2 });
  console.log(await Promise.all([1, 2, 3].map((n) => sched.go(square(n)))));
}
