import { Scheduler } from "@heddle/heddle";
import { sleepThenPrint } from "../tasks/printing.ts";

const sched = await Scheduler.start({ procs: 1 });
const task = sched.go(sleepThenPrint(60_000, "never"), { timeout: 50 });
console.log(await task.catch((error) => error.name));
