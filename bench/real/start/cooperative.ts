import { Scheduler } from "@heddle/heddle";
import { add } from "../tasks/start.ts";

const sched = await Scheduler.start({ preempt: false });
console.log(await sched.go(add(41)));
