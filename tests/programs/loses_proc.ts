/** /proc goes away after the start: threads are needed, a task runs on, and the scheduler closes. */
import { Scheduler } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { sum } from "../../examples/tasks.ts";
import { answer, hog } from "../tasks/hogging.ts";

const sched = await Scheduler.start({ procs: 1, runawayMs: 200 });
await until(() => sched.stats().parks >= 2, "both threads are up");

// Of a mount that a more privileged namespace has made it cannot be taken away, but be covered.
const { success } = new Deno.Command("sh", {
  args: ["-c", "umount -l /proc 2> /dev/null || mount -t tmpfs none /proc"],
}).outputSync();
if (!success) Deno.exit(3);

// The spare becomes one of the pool, and there is none in its place.
sched.setProcs(2);
try {
  sched.dedicate(sum(0, 3));
} catch (error) {
  console.log("growing:", (error as Error).message);
}
const runsOn = sched.go(hog("loop"));
const abandoned = runsOn.then(() => "done", (error) => error.name);
await until(() => runsOn.state === "running", "it runs");
console.log("served:", (await sched.go(answer(3, 1))).length);
console.log("running on:", await abandoned);
console.log("served:", (await sched.go(answer(2, 1))).length);
await sched.close();
console.log("closed");
try {
  await Scheduler.start({ procs: 1 });
} catch (error) {
  console.log("starting:", (error as Error).message);
}
