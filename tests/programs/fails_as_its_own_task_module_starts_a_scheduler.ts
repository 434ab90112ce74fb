import { Scheduler, task } from "@heddle/heddle";

export const one = task(import.meta, "one", () => 1);

// The guard is missing: a thread that imports this module for the task gets here too.
await using sched = await Scheduler.start({ procs: 1 });
console.log(await sched.go(one()));
