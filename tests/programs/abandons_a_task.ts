/** A task that never ends, abandoned or left behind by close(); then the milliseconds of CPU that 500 ms take at rest. */
import { Scheduler } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { count, hog, type Kind } from "../tasks/hogging.ts";

const [how, kind] = Deno.args;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const sched = await Scheduler.start({
  procs: 1,
  runawayMs: how === "running" || how === "early" ? undefined : 100,
});
const words = new Int32Array(new SharedArrayBuffer(4));
const task = sched.go(how === "early" ? count(words, 0) : hog(kind as Kind)).catch(() => {});
if (how === "running") await pause(100);
// No later than it can be: perhaps the watchdog is not there yet.
else if (how === "early") await until(() => words[0] > 0, "it runs");
else await task;
if (how !== "exit") await sched.close();
// What runs on is frozen after a second, or when it comes back to JavaScript.
if (how === "running" || how === "early" || kind !== "loop") await pause(1500);
const cpu = () => {
  const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};
// The thread that takes the dead one's place may be starting yet; a loop would leave no such span at all.
const deadline = performance.now() + 15_000;
let used: number;
do {
  const before = cpu();
  await pause(500);
  used = cpu() - before;
} while (used >= 60 && performance.now() < deadline);
console.log(used);
