/** Listeners of SIGURG before a scheduler and after it, and preemption in spite of them. */
import { Scheduler } from "@heddle/heddle";
import { answer, hog } from "../tasks/hogging.ts";

let [before, since] = [0, 0];
Deno.addSignalListener("SIGURG", () => before++);
const sched = await Scheduler.start({ procs: 1 });
Deno.addSignalListener("SIGURG", () => since++);
Deno.kill(Deno.pid, "SIGURG");
while (before === 0 || since === 0) await new Promise((resolve) => setTimeout(resolve, 1));
sched.go(hog("loop")).catch(() => {});
await sched.go(answer(3, 10));
console.log(
  `before ${before}, since ${since}, ${sched.stats().preempted > 0 ? "preempted" : "not preempted"}`,
);
Deno.exit();
