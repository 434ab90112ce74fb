/** What a dedicated thread promises, clause by clause; tests/behaviour/thread_lock_test.ts and tests/behaviour/dedicate_test.ts have others. */
import { Shared } from "../../scheduler/parking/shared.ts";
import { assert, assertEquals, assertLess, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Scheduler, SchedulerClosedError } from "@heddle/heddle";
import { native, threadOptions } from "../support/capabilities.ts";
import { loadShim } from "../../ffi/shim.ts";
import { BlockingCalls } from "../../scheduler/machine/blocking_call.ts";
import { EXEMPT_P } from "../../scheduler/parking/idle.ts";
import { Hold } from "../../scheduler/machine/hold.ts";
import { Arena, leastArenaBytes } from "../../scheduler/arena/arena.ts";
import { SYSMON } from "../../scheduler/arena/layout/header.ts";
import { isInCall } from "../../scheduler/parking/processor.ts";
import { SLEEPS } from "../../scheduler/parking/sysmon_sleep.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { threadName, threadNice, threadStatus, tids } from "../support/os_threads.ts";
import { Pipe } from "../support/pipe.ts";
import { nothing, tidOf } from "../tasks/arithmetic.ts";
import {
  blocksOften,
  blocksPlainly,
  computesBesideChildren,
  dedicatesBesideAnother,
  hearsCancellation,
  locksAndDedicates,
  tidsInCalls,
  waitsDedicated,
} from "../tasks/dedicated.ts";
import { spinsOn } from "../tasks/thread_locking.ts";
import { busyUntil } from "../tasks/occupying.ts";

// deno-lint-ignore no-explicit-any -- what no TypeScript would pass
type Any = any;

const allowed = Deno.readTextFileSync("/proc/self/status").match(/^Cpus_allowed_list:\s*(.*)$/m)![1];
const lastCpu = Number(/\d+$/.exec(allowed)![0]);

/** Keeps all Ps of the pool until it is disposed of. */
class Saturated implements AsyncDisposable {
  readonly #leave = new Flag();
  readonly #hogs: Promise<unknown>[];

  static async make(sched: Scheduler): Promise<Saturated> {
    const arrived = new Flag();
    const pool = new Saturated(sched, arrived);
    await until(() => arrived.value === sched.procs, "the pool is busy");
    return pool;
  }

  private constructor(sched: Scheduler, arrived: Flag) {
    const hog = () => sched.go(busyUntil(arrived.buffer, this.#leave.buffer));
    this.#hogs = Array.from({ length: sched.procs }, hog);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.value = 1;
    await Promise.all(this.#hogs);
  }
}

// One thread ----------------------------------------------------------------------------------------------------------

threadOptions.test("gettid is one value for the life of a dedicated task, asked from inside of foreign calls", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const options = { name: "one", affinity: [lastCpu], nice: 3 };
  assertEquals(new Set(await soon(sched.dedicate(tidsInCalls(), options), "the task")).size, 1);
});

threadOptions.test("gettid is one value for all tasks of a locker, whose thread looks as asked", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  await using locker = await sched.locker({ name: "locker", affinity: [lastCpu], nice: 3 });
  const tasks = Array.from({ length: 20 }, () => locker.go(tidsInCalls()));
  const seen = (await soon(Promise.all(tasks), "the tasks")).flat();
  assertEquals([...new Set(seen)], [locker.tid]);
  const { tid } = locker;
  assertEquals([threadName(tid), threadStatus(tid, "Cpus_allowed_list"), threadNice(tid)], [
    "locker",
    String(lastCpu),
    3,
  ]);
});

native.test("gettid is one value for the life of a native thread, asked by calls of several libraries", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await using thread = await sched.thread({ name: "native", affinity: [lastCpu], nice: 3 });
  const seen = new Set<number>();
  for (let i = 0; i < 20; i++) {
    using libc = thread.dlopen("libc.so.6", { gettid: { parameters: [], result: "i32" } });
    for (const tid of await Promise.all(Array.from({ length: 20 }, () => libc.symbols.gettid()))) {
      seen.add(tid);
    }
  }
  assertEquals([...seen], [thread.tid]);
  const { tid } = thread;
  assertEquals([threadName(tid), threadStatus(tid, "Cpus_allowed_list"), threadNice(tid)], [
    "native",
    String(lastCpu),
    3,
  ]);
});

// Nothing else runs there -----------------------------------------------------------------------------------------------

for (const inTheMiddle of [false, true]) {
  const since = inTheMiddle ? "in its middle" : "from its start";
  Deno.test(`a thread dedicated ${since} looks at no global queue, however idle it is`, async () => {
    await using sched = await Scheduler.start({ procs: 1, preempt: false });
    const [turns, leave] = [new Flag(), new Flag()];
    const waiting = inTheMiddle
      ? sched.go(waitsDedicated(true, turns.buffer, leave.buffer))
      : sched.dedicate(waitsDedicated(false, turns.buffer, leave.buffer));
    await until(() => turns.value > 0 && sched.stats().dedicatedThreads === 1, "it waits");
    let others: Promise<number>[];
    {
      await using _pool = await Saturated.make(sched);
      others = Array.from({ length: 20 }, () => sched.go(tidOf()));
      const before = turns.value;
      await until(() => turns.value > before + 100, "it had 100 chances to take one");
      assertEquals(sched.stats().queued, 20);
    }
    const theirs = await soon(Promise.all(others), "the others");
    leave.value = 1;
    const own = await soon(waiting, "the dedicated one");
    assert(!theirs.includes(own), "another task ran on the dedicated thread");
  });
}

Deno.test("what had begun on a thread goes on there when another task makes it its own", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const { own, theirs } = await soon(sched.go(dedicatesBesideAnother()), "both tasks");
  assertEquals(theirs, [own, own]);
});

Deno.test("locks and dedications are counted apart: each is there until it was undone", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [step, told] = [new Flag(), new Flag()];
  const task = sched.go(locksAndDedicates(step.buffer, told.buffer));
  // lock, dedicate, unlock, lock, undedicate, unlock: how many threads are locked, and how many dedicated.
  const expected = [[1, 0], [0, 1], [0, 1], [0, 1], [1, 0], [0, 0]];
  for (const [i, counts] of expected.entries()) {
    await until(() => step.value === i + 1, `step ${i + 1}`);
    const { lockedThreads, dedicatedThreads } = sched.stats();
    assertEquals([lockedThreads, dedicatedThreads], counts, `after step ${i + 1}`);
    told.value = i + 1;
  }
  await soon(task, "its end");
});

// Its children --------------------------------------------------------------------------------------------------------

Deno.test("children of a dedicated task go to the global queue at once, and nobody steals from it", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  let parent: Promise<{ own: number; theirs: number[] }>;
  {
    await using _pool = await Saturated.make(sched);
    parent = sched.dedicate(computesBesideChildren(41, arrived.buffer, leave.buffer));
    await until(() => arrived.value === 1, "they are started");
    assertEquals(sched.stats().queued, 41);
  }
  // Its parent still computes.
  await until(() => sched.stats().queued === 0, "the pool has taken them");
  leave.value = 1;
  const { own, theirs } = await soon(parent, "the family");
  assert(theirs.length === 41 && !theirs.includes(own), `${own} among ${theirs}`);
  assertEquals(sched.stats().stolen, 0);
});

// Waking --------------------------------------------------------------------------------------------------------------

Deno.test("mail wakes a dedicated task directly: no P of the pool is ever free for it", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, heard] = [new Flag(), new Flag()];
  const task = sched.dedicate(hearsCancellation(arrived.buffer, heard.buffer));
  await until(() => arrived.value === 1, "it waits");
  await using _pool = await Saturated.make(sched);
  task.cancel("on purpose");
  assertEquals(await task.catch((reason) => reason), "on purpose");
  await until(() => heard.value === 1, "it was woken");
  // A note would be an entry of the global queue.
  assertEquals(sched.stats().queued, 0);
});

Deno.test("with the pool saturated, a hundred round trips to a locker take under 20 ms in the median", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await using locker = await sched.locker();
  await using _pool = await Saturated.make(sched);
  const times: number[] = [];
  for (let i = 0; i < 101; i++) {
    // So that its thread sleeps.
    await new Promise((resolve) => setTimeout(resolve, 2));
    const from = performance.now();
    assertEquals(await soon(locker.go(tidOf()), "the round trip"), locker.tid);
    times.push(performance.now() - from);
  }
  assertLess(times.toSorted((a, b) => a - b)[50], 20);
});

// Blocking ------------------------------------------------------------------------------------------------------------

Deno.test("blocking with an exempt P touches neither a P's status nor sysmon's word; with a counted P both", () => {
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  const shim = loadShim();
  const shared = new Shared(arena, shim);
  const { idle } = shared;
  idle.setProcs(1);
  const isolate = 1;
  const p = idle.acquireP();
  idle.ps.hold(p, isolate);
  const hold = new Hold(shared, isolate, shim, () => {});
  const calls = new BlockingCalls(shared, hold, { publishAll() {} } as Any, { spoil() {} } as Any);
  hold.beExempt();
  const look = () => [idle.ps.word(p), arena.i32[SYSMON]];
  shared.sysmonSleep.announce(SLEEPS);
  const before = look();
  assertEquals(calls.run(look), before);
  assertEquals(calls.runHandingOff(look), before);
  assertEquals([look(), hold.p], [before, EXEMPT_P]);
  hold.p = p;
  const [word, sysmon] = calls.run(look);
  assert(isInCall(word) && sysmon !== SLEEPS, `${word} ${sysmon}`);
});

/** Undefined: the thread has ended meanwhile. */
function timerSlack(tid: number): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${tid}/timerslack_ns`).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const sleeps = (tid: number) => Number(threadStatus(tid, "voluntary_ctxt_switches"));

threadOptions.test("a dedicated task's blocking calls wake no sysmon, and keep its P", async (t) => {
  const before = new Set(tids());
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  // By its timer slack, which no other thread sets to 1 ns.
  const isSysmon = (tid: number) => !before.has(tid) && timerSlack(tid) === "1";
  let sysmon: number | undefined;
  try {
    await until(() => (sysmon = tids().find(isSysmon)) !== undefined, "sysmon runs");
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    console.log(`skipped: "${t.name}", since reading timerslack_ns of another thread takes CAP_SYS_NICE`);
    return;
  }
  const [calls, leave] = [new Flag(), new Flag()];
  const task = sched.dedicate(blocksOften(500, calls.buffer, leave.buffer));
  await until(() => calls.value > 0, "it makes calls");
  // Whether sysmon slept on while the task made 200 calls.
  let [seen, at] = [sleeps(sysmon!), calls.value];
  let isUndisturbed = false;
  await until(() => {
    if (sleeps(sysmon!) !== seen) [seen, at] = [sleeps(sysmon!), calls.value];
    else if (calls.value > at + 200) isUndisturbed = true;
    assertEquals(sched.stats().blockedThreads, 0);
    return isUndisturbed;
  }, "sysmon sleeps while the task blocks again and again");
  assertEquals(sched.stats().dedicatedThreads, 1);
  // A task of the pool that does the same wakes it.
  const [others, end] = [new Flag(), new Flag()];
  const other = sched.go(blocksOften(500, others.buffer, end.buffer));
  await until(() => others.value > 20 && sleeps(sysmon!) > seen, "sysmon looks after the pool");
  end.value = leave.value = 1;
  await soon(Promise.all([task, other]), "both end");
});

Deno.test("a dedicated task that blocks for long is not taken for a blocked one of the pool", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  using pipe = new Pipe();
  const arrived = new Flag();
  const task = sched.dedicate(blocksPlainly(pipe.reader, arrived.buffer));
  await until(() => arrived.value === 1, "it blocks");
  const threads = 3;
  await until(() => sched.stats().threads === threads, "its thread, one of the pool, and a spare");
  for (let i = 0; i < 200; i++) await soon(sched.go(nothing()), "a task beside it");
  const stats = sched.stats();
  assertEquals([stats.blockedThreads, stats.dedicatedThreads, stats.threads], [0, 1, threads]);
  pipe.write(1);
  await soon(task, "the blocked one");
});

// What it does not delay ------------------------------------------------------------------------------------------------

Deno.test("dedicated threads that block or compute for ever delay neither setProcs, stats nor close", async () => {
  const sched = await Scheduler.start({ procs: 1, preempt: false });
  using pipe = new Pipe();
  const [arrived, leave] = [new Flag(), new Flag()];
  const tasks = [
    sched.dedicate(blocksPlainly(pipe.reader, arrived.buffer)),
    sched.dedicate(spinsOn(arrived.buffer, leave.buffer)),
  ];
  try {
    await until(() => arrived.value === 2, "one blocks, one computes");
    sched.setProcs(2);
    const [both, end] = [new Flag(), new Flag()];
    const pool = [1, 2].map(() => sched.go(spinsOn(both.buffer, end.buffer)));
    await until(() => both.value === 2, "two run at once");
    sched.setProcs(1);
    end.value = 1;
    await soon(Promise.all(pool), "both end");
    await until(() => sched.stats().idleProcs === 1, "the one P is idle");
    const from = performance.now();
    for (let i = 0; i < 1000; i++) sched.stats();
    assertLess(performance.now() - from, 1000, "ms that 1000 looks took");
    const closing = performance.now();
    await soon(sched.close(), "close()");
    // It gives threads 100 ms; the rest is the machine's.
    assertLess(performance.now() - closing, 5_000, "ms until closed");
    for (const task of tasks) await assertRejects(() => task, SchedulerClosedError);
  } finally {
    leave.value = 1;
    pipe.write(1);
    await sched.close();
  }
});

// Errors --------------------------------------------------------------------------------------------------------------

Deno.test("options of a locker out of their range are errors at the call, and no thread is started", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const before = 2;
  await until(() => sched.stats().threads === before, "one thread, and a spare");
  const bad: [Any, typeof RangeError | typeof TypeError, string][] = [
    [{ name: "sixteen bytes..." }, RangeError, "which is 16 bytes: Linux names threads with 15 at most"],
    [{ name: "" }, TypeError, "give a thread a name of 1 to 15 bytes"],
    [{ affinity: [] }, TypeError, "affinity is []: give the numbers of one or more CPUs"],
    [{ affinity: [-1] }, RangeError, "affinity has -1"],
    [{ nice: 20 }, RangeError, "nice is 20: give an integer from -20 to 19"],
  ];
  for (const [options, errorClass, words] of bad) {
    await assertRejects(() => sched.locker(options), errorClass as ErrorConstructor, words);
  }
  assertEquals(sched.stats().threads, before);
});

Deno.test("one locker more than maxThreads allows is an error, and there is room again after one was closed", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2, preempt: false });
  const locker = await soon(sched.locker(), "the first");
  await assertRejects(() => soon(sched.locker(), "the second"), RangeError, "maxThreads");
  await locker.close();
  await using again = await soon(sched.locker(), "one after it");
  assertNotEquals(await again.go(tidOf()), await sched.go(tidOf()));
});

native.test("a symbol that a native thread's library lacks is an error at dlopen, and the thread goes on", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await using thread = await sched.thread();
  const missing = { no_such_function: { parameters: [], result: "void" } } as const;
  assertThrows(() => thread.dlopen("libc.so.6", missing), Error, "undefined symbol: no_such_function");
  assertThrows(() => thread.dlopen("libnosuch.so", missing), Error, "libnosuch.so");
  const libc = thread.dlopen("libc.so.6", { gettid: { parameters: [], result: "i32" } });
  assertEquals(await libc.symbols.gettid(), thread.tid);
});
