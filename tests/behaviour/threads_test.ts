import { assert, assertEquals, assertRejects } from "@std/assert";
import { Worker } from "node:worker_threads";
import { type Call, Scheduler, ThreadDiedError } from "@heddle/heddle";
import { preemption } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { mostAtOnce } from "../support/intervals.ts";
import { add, nothing, tidOf } from "../tasks/arithmetic.ts";
import {
  dyingParent,
  dyingParentWithPort,
  exitAfterAwait,
  exitAfterComputing,
  exitOfDeno,
  exitOfNode,
  exitWhenCancelled,
  fillHeap,
  fillHeapAfterAwait,
  parked,
  throwFromTimer,
} from "../tasks/dying.ts";
import { answer, hog } from "../tasks/hogging.ts";
import { busy, busyUntil } from "../tasks/occupying.ts";

const deaths: [how: string, call: () => Call<unknown>, words: string][] = [
  ["process.exit", () => exitOfNode(), "process.exit() or Deno.exit()"],
  ["process.exit after an await", () => exitAfterAwait(), "process.exit() or Deno.exit()"],
  ["Deno.exit", () => exitOfDeno(), "process.exit() or Deno.exit()"],
  ["a full heap", () => fillHeap(), "its heap reached the limit of 64 MB (heapLimitMb)"],
  [
    "a full heap after an await",
    () => fillHeapAfterAwait(),
    "its heap reached the limit of 64 MB (heapLimitMb)",
  ],
  ["an exception of a timer", () => throwFromTimer(), "thrown by a timer of a task"],
];

for (const [how, call, words] of deaths) {
  Deno.test(`a thread that dies by ${how} fails what was bound to it`, async () => {
    await using sched = await Scheduler.start({ procs: 1, heapLimitMb: 64, preempt: false });
    // So that both are on one thread.
    await using locker = await sched.locker();
    const arrived = new Flag();
    const bystander = locker.go(parked(arrived.buffer));
    await until(() => arrived.value === 1, "another task is parked on the thread");
    const culprit = locker.go(call());
    const error = await soon<Error>(
      assertRejects(() => culprit, ThreadDiedError, words),
      "the culprit rejects",
    );
    assert(error.message.includes(`(id ${culprit.id})`), error.message);
    const other = await soon<Error>(
      assertRejects(() => bystander, ThreadDiedError, words),
      "the bystander rejects",
    );
    assert(other.message.includes('"parked"'), other.message);
    assertEquals([culprit.state, bystander.state], ["failed", "failed"]);
  });

  Deno.test(`a thread of the pool that dies by ${how} is replaced, and what was queued goes on`, async () => {
    await using sched = await Scheduler.start({ procs: 1, heapLimitMb: 64, preempt: false });
    await until(() => sched.stats().threads === 2, "one thread, and a spare");
    await soon(sched.go(tidOf()), "the thread knows the module of what is queued next");
    const culprit = sched.go(call());
    const next = Array.from({ length: 20 }, (_, i) => sched.go(add(i, 1)));
    await soon(assertRejects(() => culprit, ThreadDiedError, words), "the culprit rejects");
    assertEquals(await soon(Promise.all(next), "what was queued goes on"), next.map((_, i) => i + 1));
    await soon(sched.go(tidOf()), "a thread runs tasks");
    await until(() => sched.stats().threads === 2, "two threads again");
    assertEquals(sched.stats().procs, 1);
  });

  Deno.test(`a dedicated thread that dies by ${how} fails its task alone`, async () => {
    await using sched = await Scheduler.start({ procs: 1, heapLimitMb: 64, preempt: false });
    const arrived = new Flag();
    const bystander = sched.go(parked(arrived.buffer));
    await until(() => arrived.value === 1, "a task of the pool is parked");
    await soon(assertRejects(() => sched.dedicate(call()), ThreadDiedError, words), "the culprit rejects");
    assertEquals(bystander.state, "running");
    await until(() => sched.stats().dedicatedThreads === 0, "it is gone");
    assertEquals(await sched.go(add(1, 1)), 2);
  });
}

preemption.test("a watchdog that dies is told of, and replaced by one that does what it did", async () => {
  const workers: Worker[] = [];
  const { unref } = Worker.prototype;
  Worker.prototype.unref = function (this: Worker) {
    workers.push(this);
    unref.call(this);
  };
  const { error } = console;
  const told: unknown[] = [];
  console.error = (...args: unknown[]) => told.push(args.join(" "));
  await using sched = await Scheduler.start({ procs: 1 });
  const preempts = async () => {
    const hogs = sched.go(hog("loop"));
    await soon(sched.go(answer(3, 10)), "a task is preempted for another one");
    hogs.cancel();
    await assertRejects(() => hogs);
  };
  try {
    await preempts();
    // The watchdog is the first that is started where the host may end without a word, as the thread of a test may.
    workers[0].terminate();
    // One that sleeps for good would not notice.
    await until(() => {
      sched.go(nothing());
      return told.length > 0;
    }, "somebody says so");
  } finally {
    console.error = error;
    Worker.prototype.unref = unref;
  }
  assert(`${told[0]}`.includes("watchdog has died"), `${told[0]}`);
  await preempts();
});

Deno.test("after deaths procs tasks run at once again", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const deaths = Array.from({ length: 6 }, () => sched.go(exitOfNode()));
  const outcomes = await soon(Promise.allSettled(deaths), "six deaths");
  for (const outcome of outcomes) {
    assert((outcome as PromiseRejectedResult).reason instanceof ThreadDiedError);
  }
  const [arrived, leave] = [new Flag(), new Flag()];
  const both = [1, 2].map(() => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 2, "two run");
  leave.value = 1;
  await Promise.all(both);
  assertEquals(mostAtOnce(await Promise.all(Array.from({ length: 8 }, () => sched.go(busy(10))))), 2);
});

Deno.test("the other thread's tasks do not notice a death", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const survivor = sched.go(busyUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it runs");
  await soon(assertRejects(() => sched.go(exitOfNode()), ThreadDiedError), "the other one dies");
  assertEquals(survivor.state, "running");
  leave.value = 1;
  await survivor;
});

Deno.test("children that a dying thread published run elsewhere", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const path = await Deno.makeTempFile();
  const parent = sched.dedicate(dyingParent(path, 50));
  await soon(assertRejects(() => parent, ThreadDiedError), "the parent dies");
  // A dedicated thread publishes each child at once.
  const lines = () => Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  await until(() => lines().length >= 50, "50 children have run");
  assertEquals(lines().map(Number).toSorted((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i));
  await until(() => sched.stats().queued === 0 && sched.stats().idleProcs === 1, "nothing is left");
  await Deno.remove(path);
});

Deno.test("children in the ring of a dying thread run elsewhere", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const path = await Deno.makeTempFile();
  const [arrived, leave] = [new Flag(), new Flag()];
  const blocker = sched.go(busyUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "one thread is busy");
  await soon(assertRejects(() => sched.go(dyingParent(path, 100)), ThreadDiedError), "the parent dies");
  leave.value = 1;
  await blocker;
  const lines = () => Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  // What was private to it is gone with it: the first handful was not.
  await until(() => lines().length >= 8, "the first children have run");
  await until(() => sched.stats().queued === 0 && sched.stats().idleProcs === 2, "nothing is left");
  assertEquals(new Set(lines()).size, lines().length);
  await Deno.remove(path);
});

Deno.test("children with shared memory that a dying thread published run elsewhere, or are dropped whole", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const counter = new Flag();
  const parent = sched.dedicate(dyingParentWithPort(counter.buffer, 20));
  await soon(assertRejects(() => parent, ThreadDiedError), "the parent dies");
  await until(() => sched.stats().queued === 0 && sched.stats().idleProcs === 1, "nothing is left");
  // Nobody waits for them, but the thread that took them has to be as free as before.
  assertEquals(await soon(sched.go(add(1, 2)), "a task runs"), 3);
  assert(counter.value <= 20);
});

Deno.test("numbers and slots of dead threads serve again: fifteen deaths with room for three threads", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 3, preempt: false });
  for (let i = 0; i < 15; i++) {
    await soon(assertRejects(() => sched.go(exitOfNode()), ThreadDiedError), `death ${i}`);
  }
  assertEquals(await soon(sched.go(add(1, 2)), "a task runs"), 3);
});

Deno.test("a thread that dies as it reads its mail takes no slot along, and later tasks there hear of theirs", async () => {
  // One slot is the locker's.
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 3, preempt: false });
  const locker = await sched.locker();
  const arrived = new Flag();
  const both = [1, 2].map(() => locker.go(exitWhenCancelled(arrived.buffer)));
  await until(() => arrived.value === 2, "both run");
  // The first mail that it reads is the last one.
  for (const task of both) task.cancel();
  await Promise.allSettled(both);
  await soon(locker.close(), "its thread has ended");
  const later = [1, 2, 3].map(() => sched.go(parked(arrived.buffer)));
  await until(() => arrived.value === 5, "three run at once");
  for (const task of later) task.cancel();
  await Promise.allSettled(later);
  assertEquals(await soon(Promise.all([1, 2, 3].map((n) => sched.go(add(n, n)))), "others"), [2, 4, 6]);
});

preemption.test("a thread with the number of one that died after it was frozen has no P by that", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 3 });
  await soon(sched.go(busy(1)), "the thread knows the module");
  const culprit = sched.go(exitAfterComputing(60));
  const ends = assertRejects(() => culprit, ThreadDiedError);
  while (culprit.state !== "failed") await soon(sched.go(busy(1)), "a task beside it");
  await ends;
  assert(sched.stats().preempted > 0, "it was frozen meanwhile");
  // The number is the new spare's.
  await soon(sched.dedicate(tidOf()), "it runs");
  await until(() => sched.stats().idleProcs !== 0, "the P is idle");
  assertEquals(sched.stats().idleProcs, 1);
  assertEquals(mostAtOnce(await Promise.all(Array.from({ length: 20 }, () => sched.go(busy(2))))), 1);
});
