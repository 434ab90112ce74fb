// With the native shim and without. What the rest of the suite says holds for both tiers: `deno task test:shimless`.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type DedicateOptions, pollable, readable, Scheduler, type SchedulerOptions } from "@heddle/heddle";
import { openTier } from "../../ffi/tier.ts";
import { native } from "../support/capabilities.ts";
import { runProgram } from "../support/programs.ts";
import { add, tidOf } from "../tasks/arithmetic.ts";

const ALL = { preemption: true, native: true, threadOptions: true, poller: true };
const NONE = { preemption: false, native: false, threadOptions: false, poller: false };

/** What the environment says of the tier is read as the function begins. */
function withTier<T>(tier: string, begin: () => T): T {
  const before = Deno.env.get("HEDDLE_TIER");
  Deno.env.set("HEDDLE_TIER", tier);
  try {
    return begin();
  } finally {
    if (before === undefined) Deno.env.delete("HEDDLE_TIER");
    else Deno.env.set("HEDDLE_TIER", before);
  }
}

const startWithout = (options: SchedulerOptions) => withTier("none", () => Scheduler.start(options));

const without = await startWithout({ procs: 1 });
Deno.test.afterAll(() => without.close());

const lacking = (what: string) =>
  `${what} takes Heddle's native shim, which is missing: HEDDLE_TIER is none: unset it.`;

native.test("where it may, a scheduler has the shim, and says so", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  assertEquals(sched.capabilities, ALL);
});

Deno.test("HEDDLE_TIER=none does without the shim, also in threads that start when the variable is gone", async () => {
  assertEquals(without.capabilities, NONE);
  // All sleep by Atomics.wait: who slept in a futex would not be woken.
  assertEquals(await without.go(add(1, 2)), 3);
  assertEquals(await without.dedicate(add(3, 4)), 7);
});

Deno.test("another value of HEDDLE_TIER is refused", () => {
  const refusal = 'HEDDLE_TIER is "fast": give none, or unset it.';
  assertThrows(() => withTier("fast", () => openTier(true)), TypeError, refusal);
});

Deno.test("without the shim preemption can be asked for in vain, and be left out", async () => {
  const wishes: [SchedulerOptions, string][] = [[{ preempt: true }, "preempt: true"], [
    { runawayMs: 1000 },
    "runawayMs",
  ]];
  for (const [options, what] of wishes) {
    await assertRejects(() => startWithout(options), TypeError, lacking(what));
  }
  await (await startWithout({ procs: 1, preempt: false, sliceMs: 5, runawayMs: Infinity })).close();
});

Deno.test("without the shim native calls and what a thread is to have of the system are refused by name", async () => {
  assertThrows(() => without.dlopen("libc.so.6", {}), TypeError, lacking("Scheduler.dlopen()"));
  assertThrows(() => without.thread(), TypeError, lacking("Scheduler.thread()"));
  assertThrows(() => pollable(without, 0), TypeError, lacking("pollable()"));
  await assertRejects(() => readable(without, 0), TypeError, lacking("readable()"));
  const wishes: [DedicateOptions, string][] = [[{ affinity: [0] }, "affinity"], [{ nice: 1 }, "nice"]];
  for (const [options, what] of wishes) {
    assertThrows(() => without.dedicate(add(1, 2), options), TypeError, lacking(`dedicate: ${what}`));
    await assertRejects(() => without.locker(options), TypeError, lacking(`locker: ${what}`));
  }
});

Deno.test("without the shim names of threads are ignored, and each thread has a number of its own", async () => {
  const tids = await Promise.all([
    without.dedicate(tidOf(), { name: "nobody reads it" }),
    without.dedicate(tidOf()),
    without.go(tidOf()),
  ]);
  assertEquals(new Set(tids).size, 3);
  assert(tids.every((tid) => tid > 0));
});

Deno.test("who may read files alone spawns, sends, locks, maps, cancels, closes and ends, after one line that says what is missing", async () => {
  const { code, stdout, stderr } = await runProgram("runs_without_the_shim", { flags: ["--allow-read"] });
  assertEquals([code, stdout.split("\n")], [0, [
    JSON.stringify(NONE),
    "spawn: 3 499500 2047",
    "of its own: 7",
    "channel: 9900",
    "mutex: 1500 1",
    "parallelMap: [ 2, 4, 6 ]",
    "cancelled: TaskTimeoutError",
    "closed: SchedulerClosedError 0",
    "",
  ]], stderr);
  assertEquals(
    stderr,
    "Heddle runs without its native shim, so no task is preempted: foreign functions are not allowed; run with --allow-ffi, " +
      "without a list of paths. Set HEDDLE_TIER=none if that is meant.\n",
  );
});

Deno.test("without the shim close() and the process end although a task computes on, and nobody is told what was chosen", async () => {
  const { code, stdout, stderr } = await runProgram("closes_while_code_computes", {
    env: { HEDDLE_TIER: "none" },
  });
  assertEquals([code, stdout, stderr], [0, "SchedulerClosedError\n", ""]);
});
