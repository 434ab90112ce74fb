/** A task that never ends, abandoned or left behind by close(); then the milliseconds of CPU that 500 ms take. */
import { Scheduler } from "@heddle/heddle";
import { hog } from "../tasks/hogging.ts";

const [how] = Deno.args;
const sched = await Scheduler.start({ procs: 1, runawayMs: how === "running" ? undefined : 100 });
const task = sched.go(hog("loop")).catch(() => {});
if (how === "running") await new Promise((resolve) => setTimeout(resolve, 100));
else await task;
if (how !== "exit") await sched.close();
if (how === "running") await new Promise((resolve) => setTimeout(resolve, 1500));
const cpu = () => {
  const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};
const before = cpu();
await new Promise((resolve) => setTimeout(resolve, 500));
console.log(cpu() - before);
