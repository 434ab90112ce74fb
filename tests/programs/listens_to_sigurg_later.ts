/** A listener of SIGURG that comes after preemption, a thread that is frozen for good after that, and one more listener. */
import { Scheduler, TaskAbandonedError } from "@heddle/heddle";
import { answer, hog } from "../tasks/hogging.ts";

const sched = await Scheduler.start({ procs: 1, runawayMs: 300 });
let heard = 0;
Deno.addSignalListener("SIGURG", () => heard++);
const abandoned = sched.go(hog("loop")).catch((error) => error);
await sched.go(answer(3, 10));
const { preempted } = sched.stats();
console.log((await abandoned) instanceof TaskAbandonedError, preempted > 0);
// The runtime waits for all who are in its own handler.
Deno.addSignalListener("SIGUSR1", () => {});
Deno.kill(Deno.pid, "SIGURG");
while (heard === 0) await new Promise((resolve) => setTimeout(resolve, 1));
console.log("heard");
Deno.exit();
