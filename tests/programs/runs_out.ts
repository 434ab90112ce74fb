/** Runs out of a resource in the life of a scheduler: as it grows, when it closes, and before it starts. */
import { go, Scheduler, type Scheduler as Started } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { busyUntil } from "../tasks/occupying.ts";
import { sum } from "../../examples/tasks.ts";

const libc = Deno.dlopen("libc.so.6", {
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
}).symbols;
const RLIMIT_NPROC = 6;
const RLIMIT_NOFILE = 7;

function limiter(resource: number): (limit?: bigint) => void {
  const usual = new BigUint64Array(2); // the soft limit and the hard one
  libc.getrlimit(resource, usual);
  return (limit = usual[0]) => {
    if (libc.setrlimit(resource, BigUint64Array.of(limit, usual[1])) !== 0) {
      throw new Error("setrlimit failed");
    }
  };
}

const limitProcesses = limiter(RLIMIT_NPROC);
const limitDescriptors = limiter(RLIMIT_NOFILE);
const [root, nobody] = [0, 65534];

/** The limit is not for root. All threads change users. */
function limitThreads(limit: bigint | undefined, user: number): void {
  limitProcesses(limit);
  if (Deno.uid() === 0 && libc.setresuid(user, user, root) !== 0) throw new Error("setresuid failed");
}

const resources: Record<string, { take(): void; giveBack?(): void }> = {
  threads: { take: () => limitThreads(0n, nobody), giveBack: () => limitThreads(undefined, root) },
  // Whatever is open stays open.
  descriptors: { take: () => limitDescriptors(10n), giveBack: () => limitDescriptors() },
  permission: { take: () => Deno.permissions.revokeSync({ name: "ffi" }) },
};

/** So many threads run tasks, which have loaded their module then, until what it returns is called. */
async function occupy(sched: Started, count: number): Promise<() => Promise<unknown>> {
  const [arrived, leave] = [new Flag(), new Flag()];
  const tasks = Array.from({ length: count }, () => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === count, `${count} tasks run at once`);
  return () => {
    leave.value = 1;
    return Promise.all(tasks);
  };
}

async function runAtOnce(sched: Started, count: number): Promise<void> {
  const leave = await occupy(sched, count);
  await leave();
}

const { take, giveBack } = resources[Deno.args[0]];
const sched = await Scheduler.start({ procs: 2 });
await until(() => sched.stats().threads === 3, "the spare");
await runAtOnce(sched, 2);
await until(() => sched.stats().parks >= 3, "all threads are up");

// While a P is in use no thread imports ahead of need, which nothing would have room for.
const leave = await occupy(sched, 1);
take();
// Who has loaded its modules needs nothing more.
if (giveBack === undefined) {
  await leave();
  await runAtOnce(sched, 2);
}
// The spare becomes one of the pool, and there is none in its place.
sched.setProcs(3);
if (giveBack !== undefined) {
  try {
    sched.dedicate(sum(0, 3));
  } catch (error) {
    console.log("growing:", (error as Error).message);
  }
  giveBack();
  await leave();
  await until(() => sched.stats().threads === 4, "another thread, without anybody asking again");
  await runAtOnce(sched, 3);
}

take();
await sched.close();
console.log("closed");
try {
  await using another = await Scheduler.start({ procs: 1 });
  console.log("starting:", another.capabilities.native, await another.go(sum(0, 10)));
} catch (error) {
  console.log("starting:", (error as Error).message);
}
if (giveBack !== undefined) {
  const waits = go(sum(0, 10));
  giveBack();
  console.log("the default scheduler:", await waits);
}
