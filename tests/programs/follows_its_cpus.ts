/**
 * Runs tasks while the CPUs that the process may use become one and then all again, and prints the values of procs that
 * were seen meanwhile, as JSON. With an argument, the folder of a cgroup, its quota is changed and not the affinity mask.
 */
import { Scheduler } from "@heddle/heddle";
import { loadShim } from "../../ffi/shim.ts";
import { until } from "../support/deadline.ts";
import { busy } from "../tasks/occupying.ts";

const [group] = Deno.args;
const shim = loadShim();
const cpus = shim.getAffinity(Deno.pid);

function allow(count: number): void {
  if (group === undefined) setMask(cpus.slice(0, count));
  else if (isV2(group)) {
    Deno.writeTextFileSync(`${group}/cpu.max`, count === 1 ? "100000 100000" : "max 100000");
  } else Deno.writeTextFileSync(`${group}/cpu.cfs_quota_us`, count === 1 ? "100000" : "-1");
}

function isV2(group: string): boolean {
  return [...Deno.readDirSync(group)].some(({ name }) => name === "cpu.max");
}

function setMask(mask: number[]): void {
  new Deno.Command("taskset", { args: ["-acp", mask.join(), `${Deno.pid}`] }).outputSync();
  const is = shim.getAffinity(Deno.pid).join();
  if (is !== mask.join()) throw new Error(`taskset gave this process the CPUs ${is} instead of ${mask}`);
}

if (group !== undefined) Deno.writeTextFileSync(`${group}/cgroup.procs`, `${Deno.pid}`);

await using unsaid = await Scheduler.start();
await using given = await Scheduler.start({ procs: 2 });
await using set = await Scheduler.start();
set.setProcs(2);
const schedulers = { unsaid, given, set };
const seen: Record<string, number[]> = {};

function look(): void {
  for (const [name, { procs }] of Object.entries(schedulers)) {
    const before = seen[name] ??= [];
    if (before.at(-1) !== procs) before.push(procs);
  }
}

/** Runs tasks on all of them until `condition` holds. */
async function runUntil(condition: () => boolean, what: string): Promise<void> {
  let isOver = false;
  const streams = Object.values(schedulers).map(async (sched) => {
    while (!isOver) await sched.go(busy(2));
  });
  try {
    await until(() => {
      look();
      return condition();
    }, what);
  } finally {
    isOver = true;
    await Promise.all(streams);
  }
}

/** Long enough for what looks once a second to have looked. */
async function runOn(): Promise<void> {
  const start = performance.now();
  await runUntil(() => performance.now() - start > 2500, "the time is over");
}

// Who is told the number by the environment never follows: then there is only the time to wait for.
const follows = !Deno.env.get("HEDDLE_PROCS");
look();
// Nothing runs now.
allow(1);
if (follows) await runUntil(() => unsaid.procs === 1, "procs follows from an idle scheduler on");
await runOn();
allow(cpus.length);
if (follows) await runUntil(() => unsaid.procs === cpus.length, "procs follows back");
await runUntil(() => true, "a task");
allow(1);
if (follows) await runUntil(() => unsaid.procs === 1, "procs follows again");
console.log(JSON.stringify(seen));
