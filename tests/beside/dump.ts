/** Dumps of programs with very many tasks. */
import { assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { Channel, ChannelClosedError, type Dump, Scheduler } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { waitsWithMany } from "../tasks/dumped.ts";
import { spinsUntilSet } from "../tasks/hogging.ts";

Deno.test("a dump of 100,000 queued tasks and as many parked operations takes less than a second, and is JSON as it is", async () => {
  const many = 100_000;
  await using sched = await Scheduler.start({ procs: 1, maxTasks: many, preempt: false });
  const [begun, go, values] = [new Flag(), new Flag(), new Channel<number>(sched)];
  const parked = sched.go(waitsWithMany(values, many));
  const sum = (dump: Dump) =>
    dump.objects.flatMap(({ waiting }) => waiting).reduce((sum, { count }) => sum + count, 0);
  await until(() => sum(sched.dump()) === many, "all are parked", 60_000);
  await until(() => sched.dump().threads.some(({ begun }) => begun > many), "the thread has said so");
  const hog = sched.go(spinsUntilSet(begun.buffer, go.buffer));
  await until(() => begun.value === 1, "the P is taken");
  // A few more than there are slots.
  const tasks = Array.from({ length: many }, () => sched.go(nothing()));
  const from = performance.now();
  const dump = sched.dump();
  const ms = performance.now() - from;
  console.log(`A dump of ${many} queued tasks and ${many} parked operations took ${ms.toFixed(1)} ms.`);
  // 60 on a quiet machine.
  assertLess(ms, 5000);
  assertEquals(sum(dump), many);
  const states = Object.groupBy(dump.tasks, ({ state }) => state);
  assertEquals(states["waiting for a slot"]?.length, 2);
  assertEquals(dump.queues.host, 2);
  assertEquals(states.queued!.length, many - 2);
  assertEquals(dump.unstable, 0);
  assertEquals(JSON.parse(JSON.stringify(dump)), { ...dump });
  assertEquals(Object.keys(dump).includes("toString"), false);
  assertMatch(String(dump), / {2}99998 tasks \d+, .* and 99990 more \[queued\]: nothing of file:/);
  go.value = 1;
  await soon(Promise.all([hog, ...tasks]), "the queued ones", 60_000);
  values.close();
  await assertRejects(() => soon(parked, "the parked ones", 60_000), ChannelClosedError);
});
