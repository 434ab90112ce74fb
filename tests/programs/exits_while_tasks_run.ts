import { Scheduler } from "@heddle/heddle";
import { busy } from "../tasks/occupying.ts";
import { sleepThenPrint } from "../tasks/printing.ts";

const sched = await Scheduler.start({ procs: 2 });
sched.go(busy(120_000));
sched.go(sleepThenPrint(120_000, "never"));
sched.dedicate(busy(120_000));
console.log("leaving");
Deno.exit(7);
