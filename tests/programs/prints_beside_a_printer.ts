/** Two tasks write to stdout in turn, on one P; stderr gets how often one was found in the middle of a write. */
import { Scheduler } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";
import { until } from "../support/deadline.ts";
import { print } from "../tasks/hogging.ts";

await using sched = await Scheduler.start({ procs: 1, sliceMs: 1 });
const [a, b, enough] = [new Flag(), new Flag(), new Flag()];
const both = [sched.go(print("a", a.buffer, enough.buffer)), sched.go(print("b", b.buffer, enough.buffer))];
const found = () => sched.stats().unfreezable.inNative;
await until(() => a.value > 100 && b.value > 100 && found() > 0, "both print, and one was found in a write");
enough.value = 1;
await Promise.all(both);
console.error(found());
