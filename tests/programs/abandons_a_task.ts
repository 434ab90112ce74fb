/** A task that never ends, abandoned or left behind by close(); then the milliseconds of CPU that 500 ms take. */
import { Scheduler } from "@heddle/heddle";
import { hog, type Kind } from "../tasks/hogging.ts";

const [how, kind] = Deno.args;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const sched = await Scheduler.start({ procs: 1, runawayMs: how === "running" ? undefined : 100 });
const task = sched.go(hog(kind as Kind)).catch(() => {});
if (how === "running") await pause(100);
else await task;
if (how !== "exit") await sched.close();
// What runs on is frozen after a second, or when it comes back to JavaScript.
if (how === "running" || kind !== "loop") await pause(1500);
const cpu = () => {
  const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};
const before = cpu();
await pause(500);
console.log(cpu() - before);
