/** Two tasks write to stdout in turn, on one P; stderr gets how often one was found in the middle of a write. */
import { Scheduler } from "@heddle/heddle";
import { print } from "../tasks/hogging.ts";

await using sched = await Scheduler.start({ procs: 1, sliceMs: 1 });
await Promise.all([sched.go(print("a", 300)), sched.go(print("b", 300))]);
console.error(sched.stats().unfreezable.inNative);
