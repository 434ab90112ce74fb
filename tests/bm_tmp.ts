import { Scheduler } from "@heddle/heddle";
import * as t from "../bench/channel_tasks.ts";
const procs = Number(Deno.args[0] ?? 2);
await using sched = await Scheduler.start({ procs });
for (let k = 0; k < 4; k++) {
  let s = performance.now();
  const n = 1e6;
  await sched.go(t.pingPong(n));
  console.log("pingpong", ((performance.now() - s) * 1e6 / n).toFixed(0));
  s = performance.now();
  await sched.go(t.stream(n));
  console.log("stream", (n / (performance.now() - s) / 1e3).toFixed(2), "M/s");
  s = performance.now();
  await sched.go(t.mutex(n));
  console.log("mutex", ((performance.now() - s) * 1e6 / n).toFixed(1));
  s = performance.now();
  await sched.go(t.sieve(1000));
  console.log("sieve", (performance.now() - s).toFixed(0));
}
