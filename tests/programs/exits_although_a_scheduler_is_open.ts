import { Scheduler } from "@heddle/heddle";
import { add } from "../tasks/arithmetic.ts";

const sched = await Scheduler.start({ procs: 2 });
console.log(await sched.go(add(1, 2)));
