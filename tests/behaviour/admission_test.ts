/** Back-pressure, and draining. */
import { assert, assertEquals, assertLessOrEqual, assertRejects, assertThrows } from "@std/assert";
import { QueueFullError, Scheduler, SchedulerClosedError, ThreadDiedError } from "@heddle/heddle";
import { native } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { blocksUntilSet } from "../tasks/blocking.ts";
import { exits, nothing, sleeps } from "../tasks/growing.ts";
import { raises } from "../tasks/waiting.ts";
import { spinsUntilSet } from "../tasks/hogging.ts";

Deno.test("with maxQueue tasks waiting go() throws, says how many, and goes on when they have begun", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false, maxQueue: 3 });
  const [begun, go] = [new Flag(), new Flag()];
  const runs = sched.go(spinsUntilSet(begun.buffer, go.buffer));
  await until(() => begun.value === 1, "it runs");
  const waiting = [1, 2, 3].map(() => sched.go(nothing()));
  assertEquals(sched.stats().queued, 3);
  const error = assertThrows(
    () => sched.go(nothing()),
    QueueFullError,
    "3 wait for a thread (maxQueue: 3)",
  );
  assertEquals(error.length, 3);
  go.value = 1;
  await soon(Promise.all([runs, ...waiting]), "all");
  await soon(sched.go(nothing()), "one more");
  assertThrows(() => sched.go(nothing(), { timeout: -1 }), RangeError);
});

Deno.test("what is cancelled as it waits counts no more, nor what was lost with its thread", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false, maxQueue: 2 });
  const [begun, go] = [new Flag(), new Flag()];
  const runs = sched.go(spinsUntilSet(begun.buffer, go.buffer));
  await until(() => begun.value === 1, "it runs");
  const waiting = [sched.go(nothing()), sched.go(exits())];
  assertThrows(() => sched.go(nothing()), QueueFullError);
  const room = sched.ready();
  waiting[0].cancel();
  await assertRejects(() => waiting[0], DOMException);
  go.value = 1;
  await soon(runs, "what ran");
  await assertRejects(() => soon(waiting[1], "a death"), ThreadDiedError);
  await soon(room, "room, also after a death");
  assertEquals(sched.stats().queued, 0);
  await soon(Promise.all([sched.go(nothing()), sched.go(nothing())]), "two more");
});

Deno.test("what waits for a slot counts as queued", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false, maxTasks: 2, maxQueue: 4 });
  const [begun, go] = [new Flag(), new Flag()];
  const tasks = [sched.go(spinsUntilSet(begun.buffer, go.buffer))];
  await until(() => begun.value === 1, "it runs");
  for (let i = 0; i < 4; i++) tasks.push(sched.go(nothing()));
  assertEquals(sched.stats().queued, 4);
  assertThrows(() => sched.go(nothing()), QueueFullError);
  go.value = 1;
  await soon(Promise.all(tasks), "all");
});

Deno.test("ready() resolves when the queue is short, whether tasks end or only begin", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxQueue: 100 });
  let most = 0;
  const ended: Promise<unknown>[] = [];
  for (let i = 0; i < 2000; i++) {
    await soon(sched.ready(), "room");
    ended.push(sched.go(nothing()));
    most = Math.max(most, sched.stats().queued);
  }
  assertLessOrEqual(most, 1);
  await soon(Promise.all(ended), "all");
  // None of these ends.
  const sleeping = Array.from({ length: 90 }, () => sched.go(sleeps(600_000)));
  await soon(sched.ready(), "room while all of them sleep");
  assertEquals(sched.stats().queued, 0);
  const closed = sched.close();
  await Promise.allSettled(sleeping);
  await closed;
});

Deno.test("ready() resolves for all who wait, and rejects when the scheduler is closed", async () => {
  const sched = await Scheduler.start({ procs: 1, preempt: false });
  const [begun, go] = [new Flag(), new Flag()];
  const runs = sched.go(spinsUntilSet(begun.buffer, go.buffer));
  await until(() => begun.value === 1, "it runs");
  const waits = sched.go(nothing());
  const ready = [sched.ready(), sched.ready()];
  assertEquals(
    await Promise.race([...ready, new Promise((done) => setTimeout(done, 50, "not yet"))]),
    "not yet",
  );
  go.value = 1;
  await soon(Promise.all([...ready, runs, waits]), "room for both");
  const again = [new Flag(), new Flag()];
  const hog = sched.go(spinsUntilSet(again[0].buffer, again[1].buffer));
  await until(() => again[0].value === 1, "it runs");
  const last = sched.go(nothing());
  const never = sched.ready();
  const closed = sched.close();
  await assertRejects(() => soon(never, "ready()"), SchedulerClosedError);
  again[1].value = 1;
  await Promise.allSettled([hog, last]);
  await closed;
  assertThrows(() => sched.ready(), SchedulerClosedError);
});

native.test("drain() takes nothing new, and resolves when tasks, children and native calls have ended", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  await using locker = await sched.locker();
  const { symbols } = sched.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } });
  const word = new SharedArrayBuffer(4);
  const tasks = [sched.go(blocksUntilSet(word)), locker.go(sleeps(20)), sched.go(sleeps(30))];
  const slept = symbols.usleep(40_000);
  let isDrained = false;
  const drained = sched.drain().then(() => isDrained = true);
  for (const starts of [sched, locker]) {
    assertThrows(() => starts.go(nothing()), SchedulerClosedError, "being drained");
  }
  assertThrows(() => sched.dedicate(nothing()), SchedulerClosedError, "being drained");
  await assertRejects(() => sched.locker(), SchedulerClosedError, "being drained");
  await Promise.all([tasks[1], tasks[2], slept]);
  assert(!isDrained);
  new Int32Array(word)[0] = 1;
  Atomics.notify(new Int32Array(word), 0);
  await soon(drained, "the rest");
  assertEquals(await tasks[0], true);
  assertEquals(sched.stats().inFlight, 0);
  await soon(sched.drain(), "with nothing in flight");
});

Deno.test("drain() rejects when its time is over, and what runs goes on; cancelled and lost tasks have ended", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const word = new SharedArrayBuffer(4);
  const task = sched.go(blocksUntilSet(word));
  const error = await assertRejects(
    () => soon(sched.drain({ timeout: 20 }), "its end"),
    DOMException,
    "(1 in flight)",
  );
  assertEquals([error.name, task.state === "done"], ["TimeoutError", false]);
  const drained = sched.drain({ timeout: 20_000 });
  task.cancel();
  await soon(drained, "the cancelled one");
  await assertRejects(() => task, DOMException);
  new Int32Array(word)[0] = 1;
  Atomics.notify(new Int32Array(word), 0);
  await assertRejects(() => sched.drain({ timeout: -1 }), RangeError, "timeout is -1");
  await using other = await Scheduler.start({ procs: 1 });
  const [beside, dies] = [other.go(sleeps(600_000)), other.go(exits())];
  const ended = other.drain();
  await assertRejects(() => dies, ThreadDiedError);
  await beside.catch(() => {});
  await soon(ended, "after a thread has died");
});

Deno.test("a scheduler that is closed has nothing to drain", async () => {
  const sched = await Scheduler.start({ procs: 1 });
  const task = sched.go(raises(new SharedArrayBuffer(4)));
  await task;
  await sched.close();
  await soon(sched.drain(), "at once");
});
