/** All threads have SIGUSR2 blocked: it was before the first one began. So it waits for who reads it. */
import { Scheduler } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { close, signalfd } from "../support/descriptors.ts";
import { readsOnce } from "../tasks/polling.ts";

await using sched = await Scheduler.start({ procs: 1 });
const fd = signalfd();
for (const time of ["first", "second"]) {
  const task = sched.go(readsOnce(fd));
  await until(() => task.state === "running" && sched.stats().idleProcs === 1, "it waits");
  Deno.kill(Deno.pid, "SIGUSR2");
  console.log(`${time}: ${await task} bytes`);
}
close(fd);
