import { Scheduler } from "@heddle/heddle";

await using sched = await Scheduler.start();
console.log(sched.procs);
