import { Scheduler } from "@heddle/heddle";
import { busy } from "../tasks/occupying.ts";

const sched = await Scheduler.start({ procs: 1 });
const task = sched.go(busy(120_000), { timeout: 200 });
console.log(await task.catch((error) => error.name));
