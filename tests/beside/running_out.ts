/**
 * What becomes of a scheduler whose arena, heaps, stack, /proc or permissions run out. Threads and descriptors:
 * resources.ts. Of tasks that recurse without end, and of the rest of the host's calls there: throwing_test.ts.
 */
import { assertEquals } from "@std/assert";
import { Channel, Scheduler, SchedulerClosedError } from "@heddle/heddle";
import { soon } from "../support/deadline.ts";
import { type Outcome, runProgram } from "../support/programs.ts";
import { parked } from "../tasks/dying.ts";

// All at once: they mostly wait.
const ms = 60_000;
const arena = runProgram("fills_the_arena", { ms });
const heaps = runProgram("fills_heaps", { ms });
const permissions = ["ffi", "read", "env"].map((name) =>
  runProgram("loses_a_permission", { args: [name], ms })
);
const proc = runProgram("loses_proc", { prefix: ["unshare", "-Urm"], ms }).then((outcome) =>
  // Who is root may have a mount namespace although there are no user namespaces.
  outcome.stderr.includes("unshare") ? runProgram("loses_proc", { prefix: ["unshare", "-m"], ms }) : outcome
);

function assertPrints({ code, stdout, stderr }: Outcome, lines: string[]): void {
  assertEquals([code, stdout.split("\n").slice(0, -1)], [0, lines], stderr);
}

Deno.test("with a full arena payloads go by port, who need not wait goes on, who would is refused, and close() settles all", async () => {
  const refused = "RangeError, which tells of arenaBytes";
  assertPrints(await arena, [
    "too small: RangeError: arenaBytes is …: give an integer from LEAST (maxTasks is 16, maxThreads 3) to 2147483648.",
    "as small as can be: 45",
    `another channel: ${refused}`,
    `another receiver: ${refused}`,
    `another one at a lock: ${refused}`,
    "a free semaphore: done: object",
    `the same once more: ${refused}`,
    `the first at a barrier: ${refused}`,
    `a long value: ${refused}`,
    "an argument: done: 5000",
    "children: done: 314650",
    `a task that parks: done: 4, ${refused}`,
    "what takes no waiting: done: undefined done: 7",
    "a select: done: 8",
    `one that would wait: ${refused}`,
    ...Array(3).fill("sent: done: undefined"),
    "received: 0,1,2",
    "after that: done: object",
    "both at the barrier: false,true",
    "parked at the end: true SchedulerClosedError",
  ]);
});

Deno.test("a heap that is full as a thread starts, as a module loads, as a task computes and as all closes takes nothing else along", async () => {
  const full =
    "was lost with the thread that it was bound to: its heap reached the limit of 50 MB (heapLimitMb).";
  const { stderr, ...outcome } = await heaps;
  assertPrints({ ...outcome, stderr }, [
    "starting: Error: A Heddle thread did not start: its heap reached the limit of 16 MB (heapLimitMb).",
    "the watchdog is up: running",
    "tried to grow, times: few",
    `importing: ThreadDiedError: Task "fillsAsItLoads" (id 6) ${full}`,
    `computing: ThreadDiedError: Task "fillHeap" (id 7) ${full}`,
    "beside: 3",
    `after a rest: ThreadDiedError: Task "fillHeapAfterRest" (id 9) ${full}`,
    `V8 does not notice: TaskAbandonedError: Task "fillsArrays" (id 1) was abandoned: it ran for … ms on end, which is more ` +
    "than runawayMs.",
    "beside: 20",
    "grew by less than 700 MB",
    "closing: SchedulerClosedError",
    "closing: SchedulerClosedError",
  ]);
  assertEquals(stderr.split("50 MB (heapLimitMb). The scheduler goes on").length - 1, 1, stderr);
});

Deno.test("close() near the end of the host's stack closes or throws a RangeError, and closes then", async () => {
  for (let shift = 0; shift < 4; shift++) {
    const sched = await Scheduler.start({ procs: 1 });
    const waits = new Channel<number>(sched).recv();
    const rejected = Promise.allSettled([sched.go(parked(new SharedArrayBuffer(4))), waits]);
    let refused = 0;
    let closing: Promise<void> | undefined;
    const dig = () => {
      try {
        dig();
      } catch {
        // The end. From here on upwards.
      }
      if (closing !== undefined) return;
      try {
        closing = sched.close();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        refused++;
      }
    };
    Reflect.apply(dig, undefined, Array(shift).fill(0));
    await soon(closing!, "the first that does not throw");
    assertEquals([refused > 0, sched.stats().threads], [true, 0]);
    await soon(sched.close(), "close() of what is closed");
    for (const outcome of await rejected) {
      assertEquals((outcome as PromiseRejectedResult).reason.constructor, SchedulerClosedError);
    }
  }
});

Deno.test("when /proc goes away tasks run on the threads that there are, one that runs on ends, and a warning says so once", async (t) => {
  const outcome = await proc;
  const { code, stderr } = outcome;
  if (code === 3 || (code !== 0 && stderr.includes("unshare"))) {
    return console.log(`skipped: ${t.name}: this user may not take /proc away: ${stderr}`);
  }
  const missing = "No thread can start without /proc (/proc/self/exe: ENOENT). Mount it.";
  assertPrints(outcome, [
    `growing: ${missing}`,
    "served: 3",
    "running on: TaskAbandonedError",
    "served: 2",
    "closed",
    `starting: ${missing}`,
  ]);
  assertEquals(stderr.trimEnd().split("\n").toSorted(), [
    "Heddle cannot read /proc/self/maps (ENOENT). Until it can, tasks whose slice is over lose their P, and are not frozen.",
    `${missing} The scheduler goes on with 2, and asks again now and then.`,
  ], stderr);
});

Deno.test("a permission that is revoked is named by whatever needs it, and the rest goes on", async () => {
  const [ffi, read, env] = await Promise.all(permissions);
  const refused = "NotCapable: Requires ffi access, run again with the --allow-ffi flag";
  assertPrints(ffi, [
    "another module: 2",
    "another thread: NotCapable: No thread can start without the permission for foreign functions (--allow-ffi), which was revoked.",
    `a native thread: ${refused}`,
    `a native call: ${refused}`,
    "close(): undefined",
  ]);
  const there = ["a native thread: served", "a native call: served", "close(): undefined"];
  const notLoaded = (module: string, name: string) =>
    `Error: ${new URL(
      `../../${module}`,
      import.meta.url,
    )}, which defines the task "${name}", did not load in a thread <- ` +
    "Requires read access";
  assertPrints(read, [
    `another module: ${notLoaded("tests/tasks/hogging.ts", "answer")}`,
    `another thread: ${notLoaded("examples/tasks.ts", "sum")}`,
    ...there,
  ]);
  assertPrints(env, ["another module: 2", "another thread: 3", ...there]);
});
