import { assertEquals } from "@std/assert";
import { loadShim } from "../../ffi/shim.ts";
import { runProgram } from "../support/programs.ts";

const cpus = loadShim().getAffinity(Deno.pid).length;
const followed = { unsaid: [cpus, 1, cpus, 1], given: [2], set: [2] };

async function seenProcs(args: string[], env = { HEDDLE_PROCS: "" }): Promise<unknown> {
  const { code, stdout, stderr } = await runProgram("follows_its_cpus", { args, env, ms: 60_000 });
  return code === 0 && stderr === "" ? JSON.parse(stdout) : stderr;
}

function lackOfCpus(): string | undefined {
  return cpus > 1 ? undefined : "this process may use one CPU only";
}

function lackOfTaskset(): string | undefined {
  try {
    new Deno.Command("taskset", { args: ["-p", `${Deno.pid}`] }).outputSync();
  } catch (error) {
    return (error as Error).message;
  }
}

/** A cgroup below this process's own, and why a CPU quota there would be of no use. */
interface Group {
  readonly path: string;
  readonly obstacle: string | undefined;
}

function ownGroup(): Group {
  const lines = Deno.readTextFileSync("/proc/self/cgroup").trim().split("\n").map((line) => line.split(":"));
  const v1 = lines.find(([, controllers]) => controllers.split(",").includes("cpu"));
  const v2 = lines.find(([number]) => number === "0");
  const parent = v1 ? `/sys/fs/cgroup/cpu${v1[2]}` : `/sys/fs/cgroup${v2?.[2] ?? ""}`;
  const path = `${parent.replace(/\/$/, "")}/heddle-test-${Deno.pid}`;
  const file = `${path}/${v1 ? "cpu.cfs_quota_us" : "cpu.max"}`;
  try {
    Deno.mkdirSync(path);
    try {
      Deno.writeTextFileSync(file, v1 ? "-1" : "max 100000");
    } finally {
      Deno.removeSync(path);
    }
    return { path, obstacle: undefined };
  } catch (error) {
    return { path, obstacle: (error as Error).message };
  }
}

const obstacle = lackOfCpus() ?? lackOfTaskset();
if (obstacle !== undefined) console.log(`Following the affinity mask is not tested: ${obstacle}`);
const group = ownGroup();
const groupObstacle = lackOfCpus() ?? group.obstacle;
if (groupObstacle !== undefined) {
  console.log(`Following a cgroup's CPU quota is not tested: ${groupObstacle}`);
}

// All at once.
const byMask = obstacle === undefined ? seenProcs([]) : undefined;
const byMaskAsGiven = obstacle === undefined ? seenProcs([], { HEDDLE_PROCS: "2" }) : undefined;
const byQuota = groupObstacle === undefined ? seenProcsOfGroup() : undefined;

async function seenProcsOfGroup(): Promise<unknown> {
  Deno.mkdirSync(group.path);
  try {
    return await seenProcs([group.path]);
  } finally {
    Deno.removeSync(group.path);
  }
}

Deno.test({
  name: "procs follows the affinity mask while tasks run, unless somebody has said how many",
  ignore: obstacle !== undefined,
  fn: async () => assertEquals(await byMask, followed),
});

Deno.test({
  name: "procs does not follow the affinity mask when HEDDLE_PROCS has said how many",
  ignore: obstacle !== undefined,
  fn: async () => assertEquals(await byMaskAsGiven, { unsaid: [2], given: [2], set: [2] }),
});

Deno.test({
  name: "procs follows the CPU quota of a cgroup while tasks run, unless somebody has said how many",
  ignore: groupObstacle !== undefined,
  fn: async () => assertEquals(await byQuota, followed),
});
