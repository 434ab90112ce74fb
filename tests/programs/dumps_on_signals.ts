import { Scheduler } from "@heddle/heddle";
import { nothing } from "../tasks/arithmetic.ts";

const sched = await Scheduler.start({ procs: 2, name: "signalled", dumpOn: "SIGQUIT" });
let heard = 0;
Deno.addSignalListener("SIGQUIT", () => heard++);
for (let sent = 1; sent <= 2; sent++) {
  Deno.kill(Deno.pid, "SIGQUIT");
  while (heard < sent) await new Promise((resolve) => setTimeout(resolve, 10));
}
await sched.go(nothing());
// Longer than the time from one line of schedtrace to the next.
await new Promise((resolve) => setTimeout(resolve, 50));
console.log("done");
