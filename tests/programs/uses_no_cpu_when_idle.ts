import process from "node:process";
import { Scheduler } from "@heddle/heddle";
import { nothing, tree } from "../tasks/arithmetic.ts";

await using sched = await Scheduler.start({ procs: 4 });
await sched.go(tree(10));
const own = sched.dedicate(nothing());
await own;
const asleep = Deno.args.includes("asleep");
if (asleep) {
  const { sleepFor } = await import("../tasks/family.ts");
  for (let i = 0; i < 100; i++) sched.go(sleepFor(600_000)).catch(() => {});
  sched.dedicate(sleepFor(600_000)).catch(() => {});
}
if (Deno.args.includes("native")) {
  const { symbols } = sched.dlopen("libc.so.6", { sleep: { parameters: ["u32"], result: "u32" } });
  for (let i = 0; i < 20; i++) symbols.sleep(600);
  const thread = await sched.thread();
  thread.dlopen("libc.so.6", { sleep: { parameters: ["u32"], result: "u32" } }).symbols.sleep(600);
}
if (Deno.args.includes("descriptors")) {
  const { eventfd } = await import("../support/descriptors.ts");
  const { readsOnce } = await import("../tasks/polling.ts");
  for (let i = 0; i < 100; i++) sched.go(readsOnce(eventfd())).catch(() => {});
}
// All of them sleep when nothing of this changes any more.
let before = "";
for (let now = counts(); now !== before; now = counts()) {
  before = now;
  await new Promise((resolve) => setTimeout(resolve, 300));
}

// sysmon calms down for a second.
await new Promise((resolve) => setTimeout(resolve, 1500));

const cpu = cpuMs();
const start = performance.now();
await new Promise((resolve) => setTimeout(resolve, Deno.args.length === 0 ? 5_000 : 2_000));
const used = cpuMs() - cpu;
console.log((used / (performance.now() - start) * 100).toFixed(2));

function counts(): string {
  const { idleProcs, spinning, parks } = sched.stats();
  return `${idleProcs} ${spinning} ${parks}`;
}

/** User and system time of this process in ms. (The kernel's ticks of 10 ms are too coarse for 2 s.) */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
