import {
  assert,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { threadOptions } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { mostAtOnce } from "../support/intervals.ts";
import { threadName, threadNice, tids } from "../support/os_threads.ts";
import { add, nothing, tidOf } from "../tasks/arithmetic.ts";
import { parked } from "../tasks/dying.ts";
import { family } from "../tasks/family.ts";
import { busy, busyUntil } from "../tasks/occupying.ts";
import { threadState, tidsOverAwaits } from "../tasks/waiting.ts";

// deno-lint-ignore no-explicit-any -- what no TypeScript would pass
type Any = any;

const allowed = Deno.readTextFileSync("/proc/self/status").match(/^Cpus_allowed_list:\s*(.*)$/m)![1];
const firstCpu = Number(/^\d+/.exec(allowed)![0]);

const shared = await Scheduler.start({ procs: 1, preempt: false });
Deno.test.afterAll(() => shared.close());

threadOptions.test("a dedicated task has its name, CPUs and nice value on its own thread alone", async () => {
  const sched = shared;
  const state = await sched.dedicate(threadState(), { name: "tap", affinity: [firstCpu], nice: 5 });
  assertEquals([state.name, state.cpus, state.nice], ["tap", String(firstCpu), 5]);
  const pool = await sched.go(threadState());
  assertNotEquals(pool.tid, state.tid);
  assertEquals([pool.cpus, pool.nice], [allowed, threadNice(Deno.pid)]);
});

threadOptions.test("a dedicated thread is named after its task if nobody says otherwise", async () => {
  const sched = shared;
  assertEquals((await sched.dedicate(threadState())).name, "threadState");
  assertEquals((await sched.dedicate(threadState(), { name: "fifteen bytes.." })).name, "fifteen bytes..");
  assertEquals((await sched.dedicate(threadState(), { name: "ä\u4e2d" })).name, "ä\u4e2d");
});

threadOptions.test("the kernel shows a dedicated thread while its task runs, and not when it has ended", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const task = sched.dedicate(busyUntil(arrived.buffer, leave.buffer), { name: "on its own" });
  await until(() => arrived.value === 1, "it runs");
  const named = tids().filter((tid) => threadName(tid) === "on its own");
  assertEquals(named.length, 1);
  assertEquals(sched.stats().dedicatedThreads, 1);
  leave.value = 1;
  assertEquals((await task).tid, named[0]);
  await until(() => !tids().includes(named[0]), "the thread is gone");
  await until(() => sched.stats().dedicatedThreads === 0, "and not counted");
});

threadOptions.test("a dedicated task stays on its thread over every kind of await, and ctx.tid is that thread's", async () => {
  const sched = shared;
  const seen = await sched.dedicate(tidsOverAwaits());
  assertEquals(new Set(seen).size, 1);
  assertNotEquals(seen[0], await sched.go(tidOf()));
});

Deno.test("dedicated threads are not counted in procs, and several run besides", async () => {
  const sched = shared;
  const [arrived, leave] = [new Flag(), new Flag()];
  const own = [1, 2, 3].map(() => sched.dedicate(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 3, "three dedicated tasks run");
  const pool = await soon(Promise.all([1, 2, 3].map(() => sched.go(busy(5)))), "the pool runs");
  leave.value = 1;
  assertEquals(mostAtOnce(pool), 1);
  assertEquals(mostAtOnce([...pool, ...await Promise.all(own)]), 4);
});

Deno.test("children of a dedicated task run in the pool", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const [own, children] = await soon(sched.dedicate(family(20, 2)), "20 children");
  // All others are the pool's.
  assert(!children.includes(own));
});

Deno.test("a dedicated task that sleeps keeps its thread, and wakes on time", async () => {
  const sched = shared;
  const { sleepTimed } = await import("../tasks/waiting.ts");
  const [arrived, leave] = [new Flag(), new Flag()];
  const hog = sched.go(busyUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "the pool is busy");
  const took = await soon(sched.dedicate(sleepTimed(20)), "it wakes without a P of the pool");
  assertGreater(took, 19.99);
  leave.value = 1;
  await hog;
});

Deno.test("thread options out of their range are errors at the call, with the value", () => {
  const sched = shared;
  const bad: [Any, typeof RangeError | typeof TypeError, string][] = [
    [{ name: "sixteen bytes..." }, RangeError, "which is 16 bytes: Linux names threads with 15 at most"],
    [{ name: "ä".repeat(8) }, RangeError, "which is 16 bytes"],
    [{ name: "" }, TypeError, "give a thread a name of 1 to 15 bytes"],
    [{ name: "a\0b" }, TypeError, "give a thread a name of 1 to 15 bytes"],
    [{ name: 5 }, TypeError, "name is 5"],
    [{ affinity: [] }, TypeError, "affinity is []: give the numbers of one or more CPUs"],
    [{ affinity: "0" }, TypeError, "affinity is"],
    [{ affinity: [-1] }, RangeError, "affinity has -1"],
    [{ affinity: [0, 0.5] }, RangeError, "affinity has 0.5"],
    [{ affinity: [NaN] }, RangeError, "affinity has NaN"],
    [{ nice: 20 }, RangeError, "nice is 20: give an integer from -20 to 19"],
    [{ nice: -21 }, RangeError, "nice is -21"],
    [{ nice: 0.5 }, RangeError, "nice is 0.5"],
  ];
  for (const [options, errorClass, words] of bad) {
    assertThrows(() => sched.dedicate(nothing(), options), errorClass as ErrorConstructor, words);
  }
  assertEquals(sched.stats().inFlight, 0);
});

threadOptions.test("CPUs that do not exist are an error that names those that do", async () => {
  const sched = shared;
  const error = await assertRejects(() => sched.dedicate(nothing(), { affinity: [1000] }), Error, "[1000]");
  assert(error.message.includes("EINVAL") && error.message.includes("may use the CPUs"), error.message);
  await assertRejects(() => sched.dedicate(nothing(), { affinity: [100_000] }), Error, "CPU 100000");
  await until(() => sched.stats().dedicatedThreads === 0, "its thread has ended");
  assertEquals(await sched.dedicate(add(1, 2)), 3);
});

Deno.test("one dedicated thread more than maxThreads allows is an error at the call", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 3, preempt: false });
  const arrived = new Flag();
  const own = [1, 2].map(() => sched.dedicate(parked(arrived.buffer)));
  await until(() => arrived.value === 2, "two run");
  const error = assertThrows(() => sched.dedicate(nothing()), RangeError, "maxThreads");
  assert(error.message.includes("3"), error.message);
  assertEquals(await sched.go(add(1, 2)), 3);
  for (const task of own) task.cancel();
  await Promise.allSettled(own);
  await until(() => sched.stats().dedicatedThreads === 0, "both have ended");
  assertEquals(await soon(sched.dedicate(add(1, 2)), "there is room again"), 3);
});

Deno.test("a cancelled dedicated task ends its thread", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const arrived = new Flag();
  const running = sched.dedicate(parked(arrived.buffer));
  await until(() => arrived.value === 1, "it runs");
  running.cancel("enough");
  assertEquals(await running.catch((reason) => reason), "enough");
  await until(() => sched.stats().dedicatedThreads === 0, "its thread has ended");
  // One that has not begun.
  const early = sched.dedicate(nothing());
  early.cancel("too early");
  assertEquals(await early.catch((reason) => reason), "too early");
  await until(() => sched.stats().dedicatedThreads === 0, "its thread has ended too");
  assertEquals(await soon(sched.dedicate(add(1, 2)), "another one"), 3);
});

Deno.test("fifteen dedicated tasks, one after the other, leave no thread behind", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 4, preempt: false });
  for (let i = 0; i < 15; i++) assertEquals(await soon(sched.dedicate(add(i, 1)), `task ${i}`), i + 1);
  await until(() => sched.stats().threads <= 2, "the pool's thread and a spare one");
});
