import { Scheduler } from "@heddle/heddle";
import { busy } from "../tasks/occupying.ts";

const sched = await Scheduler.start({ procs: 1 });
const task = sched.go(busy(120_000));
while (task.state === "queued") await new Promise((resolve) => setTimeout(resolve, 1));
await sched.close();
console.log(await task.catch((error) => error.name));
