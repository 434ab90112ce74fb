import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Scheduler, ThreadDiedError } from "@heddle/heddle";
import { threadOptions } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { threadName, threadNice, tids } from "../support/os_threads.ts";
import { nth } from "../tasks/in_order.ts";
import { nothing } from "../tasks/arithmetic.ts";
import {
  dedicatesAndComputes,
  endsDedicated,
  exits,
  locks,
  locksBesideChildren,
  locksUntil,
  misuses,
  spinsOn,
  throwsError,
  tidOf,
  unlocksOfAnother,
  usesItsContextLater,
  visit,
  whatCameOfThat,
} from "../tasks/thread_locking.ts";

// Locked threads ------------------------------------------------------------------------------------------------------

Deno.test("no other task runs on a locked thread until it is unlocked as often as it was locked", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const locked = sched.go(locks(3, 3, arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it has the lock");
  const others = await soon(Promise.all(Array.from({ length: 50 }, () => sched.go(tidOf()))), "the others");
  assertEquals(sched.stats().lockedThreads, 1);
  leave.value = 1;
  const [before, after] = await soon(locked, "the locked one");
  assertEquals(before, after);
  assert(!others.includes(before), "another task ran on the locked thread");
  await until(() => sched.stats().lockedThreads === 0, "the thread is unlocked");
});

Deno.test("a thread that was unlocked fewer times than locked ends with its task; else it is used again", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const leave = new Flag();
  leave.value = 1;
  const [kept] = await soon(sched.go(locks(2, 2, new Flag().buffer, leave.buffer)), "the balanced one");
  assert(tids().includes(kept));
  const [ended] = await soon(sched.go(locks(2, 1, new Flag().buffer, leave.buffer)), "the other one");
  await until(() => !tids().includes(ended), "its thread ends");
  await soon(sched.go(nothing()), "a task after it");
});

Deno.test("an unmatched unlock is a no-op, one of another task's lock is an error", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await using locker = await sched.locker();
  assertEquals(await soon(locker.go(unlocksOfAnother()), "the unmatched one"), "nothing");
  const [arrived, leave] = [new Flag(), new Flag()];
  const locked = locker.go(locksUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it has the lock");
  assertStringIncludes(await soon(locker.go(unlocksOfAnother()), "the other"), "locked by another task");
  leave.value = 1;
  await soon(locked, "the locked one");
});

Deno.test("a task that has ended has no say over its thread any more", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await using locker = await sched.locker();
  await soon(locker.go(usesItsContextLater()), "it ends");
  const errors = await soon(locker.go(whatCameOfThat()), "what it was told");
  for (const error of errors) assertStringIncludes(error, "has ended");
});

Deno.test("a locked task that waits gives its P up, and gets one back among those that wait for one", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const locked = [1, 2, 3].map(() => sched.go(locks(1, 1, arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 3, "all three have locked their threads");
  for (let i = 0; i < 100; i++) await soon(sched.go(nothing()), "a task beside them");
  leave.value = 1;
  const threads = (await soon(Promise.all(locked), "the locked ones")).map(([tid]) => tid);
  assertEquals(new Set(threads).size, 3);
});

for (const how of ["lock", "dedicate"] as const) {
  Deno.test(`what a task starts runs elsewhere while its thread is in its hands (${how})`, async () => {
    await using sched = await Scheduler.start({ procs: 2, preempt: false });
    const [own, theirs] = await soon(sched.go(locksBesideChildren(how, 40)), "the children");
    assertEquals(theirs.length, 40);
    assert(!theirs.includes(own), "a child ran on its parent's thread");
  });
}

// Dedicated in the middle of a task -----------------------------------------------------------------------------------

Deno.test("a task that dedicates its thread is exempt from procs: its slot is used at once", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const dedicated = sched.go(dedicatesAndComputes(1, arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it computes on a thread of its own");
  for (let i = 0; i < 20; i++) await soon(sched.go(nothing()), "a task beside it");
  const { dedicatedThreads, procs } = sched.stats();
  assertEquals([dedicatedThreads, procs], [1, 1]);
  leave.value = 1;
  const threads = await soon(dedicated, "the dedicated one");
  assertEquals(new Set(threads).size, 1, "a task never changes its thread");
  assertEquals(sched.stats().dedicatedThreads, 0);
});

Deno.test("with two procs and six dedicated tasks that compute, two pool tasks run at once", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const dedicated = [
    ...Array.from({ length: 3 }, () => sched.go(dedicatesAndComputes(1, arrived.buffer, leave.buffer))),
    ...Array.from({ length: 3 }, () => sched.dedicate(spinsOn(arrived.buffer, leave.buffer))),
  ];
  await until(() => arrived.value === 6, "all six compute", 60_000);
  const [both, end] = [new Flag(), new Flag()];
  const pool = [1, 2].map(() => sched.go(spinsOn(both.buffer, end.buffer)));
  await until(() => both.value === 2, "both run at once", 60_000);
  end.value = 1;
  await soon(Promise.all(pool), "both end", 60_000);
  leave.value = 1;
  await soon(Promise.all(dedicated), "the dedicated ones end", 60_000);
});

Deno.test("dedications nest: only the last undedicate() gives the thread back, with a P of the pool", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const dedicated = sched.go(dedicatesAndComputes(3, arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it computes");
  // The only P is taken while it wants one back.
  const [other, end] = [new Flag(), new Flag()];
  const occupying = sched.go(spinsOn(other.buffer, end.buffer));
  await until(() => other.value === 1, "the P is taken");
  leave.value = 1;
  await until(() => sched.stats().blockedThreads === 1, "it waits for a P");
  assertEquals(dedicated.state, "running");
  end.value = 1;
  await soon(Promise.all([dedicated, occupying]), "both end");
});

Deno.test("ending while dedicated ends the thread, and the pool has as many as before", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const dedicated = sched.go(endsDedicated(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it is dedicated");
  leave.value = 1;
  const tid = await soon(dedicated, "its end");
  await until(() => !tids().includes(tid), "its thread ends");
  await soon(sched.go(nothing()), "a task after it");
  await until(() => sched.stats().threads === 2, "a thread for the P, and a spare");
});

Deno.test("a thread that is given back is used again", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2, preempt: false });
  const leave = new Flag();
  leave.value = 1;
  for (let i = 0; i < 10; i++) {
    await soon(sched.go(dedicatesAndComputes(1, new Flag().buffer, leave.buffer)), "one that gives back");
  }
  await until(() => sched.stats().threads === 2, "one for the task, one for the P");
});

Deno.test("a task that dedicates its thread when all are in use gets a RangeError, and nothing hangs", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 3, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const tasks = [];
  // Two leave one thread for the P.
  for (let i = 1; i <= 2; i++) {
    tasks.push(sched.go(endsDedicated(arrived.buffer, leave.buffer)));
    await until(() => arrived.value === i, `dedicated ${i}`);
  }
  const error = await assertRejects(
    () => soon(sched.go(endsDedicated(arrived.buffer, leave.buffer)), "the third"),
    RangeError,
  );
  assertStringIncludes(error.message, "maxThreads");
  await soon(sched.go(nothing()), "a task of the pool");
  leave.value = 1;
  await soon(Promise.all(tasks), "the dedicated ones");
});

Deno.test("misuses are errors with a message, and leave the thread as it was", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const told = await soon(sched.go(misuses()), "the misuses");
  assertStringIncludes(told[0], "without dedicate()");
  assertEquals(told[1], "nothing");
  assertStringIncludes(told[2], "inside of ctx.blocking()");
  assertStringIncludes(told[3], "without dedicate()");
  const { dedicatedThreads, lockedThreads } = sched.stats();
  assertEquals([dedicatedThreads, lockedThreads], [0, 0]);
});

Deno.test("a dedicated task that was cancelled before it began frees its thread", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const before = 2;
  await until(() => sched.stats().threads === before, "one thread, and a spare");
  for (let i = 0; i < 3; i++) {
    const task = sched.dedicate(nothing());
    task.cancel();
    await assertRejects(() => task, DOMException);
  }
  await until(() => sched.stats().dedicatedThreads === 0 && sched.stats().threads === before, "all are gone");
});

// ThreadLocker --------------------------------------------------------------------------------------------------------

threadOptions.test("a locker's tasks see one thread and one state of their module, and interleave at awaits", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  await using locker = await sched.locker({ name: "one-thread", nice: 5 });
  assertEquals([threadName(locker.tid), threadNice(locker.tid)], ["one-thread", 5]);
  const seen = await soon(Promise.all(Array.from({ length: 20 }, () => locker.go(visit()))), "the tasks");
  const visits = seen.map(([mine]) => mine).toSorted((a, b) => a - b);
  assertEquals(visits, Array.from({ length: 20 }, (_, i) => i + 1));
  assertGreater(Math.max(...seen.map(([mine, then]) => then - mine)), 0);
  assertEquals([...new Set(seen.map(([, , tid]) => tid))], [locker.tid]);
});

Deno.test("a locker's tasks begin in their order, also those that come as their module does", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await using locker = await sched.locker();
  const tasks = [locker.go(nth())];
  while (tasks[0].state !== "done") {
    tasks.push(locker.go(nth()));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(await soon(Promise.all(tasks), "all"), tasks.map((_, i) => i + 1));
});

Deno.test("a locker's task that throws fails alone", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await using locker = await sched.locker();
  await assertRejects(() => soon(locker.go(throwsError()), "the failing one"), RangeError, "on purpose");
  assertEquals(await soon(locker.go(tidOf()), "the next"), locker.tid);
});

Deno.test("go() on a closed locker is an error; close() waits for what had begun and ends the thread", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const locker = await sched.locker();
  const [arrived, leave] = [new Flag(), new Flag()];
  const task = locker.go(locksUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it has begun");
  const closed = locker.close();
  assertThrows(() => locker.go(tidOf()), Error, "closed");
  leave.value = 1;
  await soon(task, "what had begun");
  await soon(closed, "close()");
  await until(() => !tids().includes(locker.tid), "the thread ends");
});

Deno.test("when a locker's thread dies its tasks fail, and go() says so", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await using locker = await sched.locker();
  const [arrived, leave] = [new Flag(), new Flag()];
  const waiting = locker.go(locksUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "one has begun");
  const ends = [waiting, locker.go(exits())].map((task) =>
    assertRejects(() => soon(task, "it"), ThreadDiedError)
  );
  await Promise.all(ends);
  assertThrows(() => locker.go(tidOf()), Error, "has died");
});

Deno.test("options that the system refuses reject the locker, and leave no thread", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const before = 2;
  await until(() => sched.stats().threads === before, "one thread, and a spare");
  await assertRejects(() => soon(sched.locker({ affinity: [60_000] }), "the locker"), Error, "affinity");
  await until(() => sched.stats().threads === before, "its thread ends");
});

Deno.test("more tasks than slots wait for their locker", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 4, preempt: false });
  await using locker = await sched.locker();
  const threads = await soon(Promise.all(Array.from({ length: 30 }, () => locker.go(tidOf()))), "the tasks");
  assertEquals([...new Set(threads)], [locker.tid]);
});

Deno.test("after twelve lockers there are as many threads as before", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await soon(sched.go(nothing()), "a task");
  await until(() => sched.stats().threads === 2, "the pool and a spare");
  const before = tids().length;
  for (let i = 0; i < 12; i++) {
    const locker = await soon(sched.locker(), `locker ${i}`);
    assertEquals(await soon(locker.go(tidOf()), "its task"), locker.tid);
    await soon(locker.close(), "close()");
  }
  await until(() => tids().length <= before, `no more than ${before} threads are left`);
  assertGreaterOrEqual(sched.stats().threads, 2);
});
