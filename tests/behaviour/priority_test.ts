/** Priorities, and views: a limit of their own for some tasks. */
import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  parallelMap,
  type Priority,
  Scheduler,
  SchedulerClosedError,
  type Task,
  TaskTimeoutError,
  ThreadDiedError,
  type View,
} from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { exitOfDeno } from "../tasks/dying.ts";
import { nothing, sleeps } from "../tasks/growing.ts";
import { spinsUntilSet } from "../tasks/hogging.ts";
import { counts, crowds, hasBoth, newLog, notes, readLog, staysUntilSet } from "../tasks/ranking.ts";

/** In which order tasks of these priorities began that had all been started before. Each noted the index of its own. */
async function orderOf(sched: Scheduler, started: Priority[]): Promise<number[]> {
  const [begun, go] = [new Flag(), new Flag()];
  const log = newLog(started.length);
  const tasks: Task<void>[] = [sched.go(spinsUntilSet(begun.buffer, go.buffer))];
  await until(() => begun.value === 1, "the thread is taken");
  for (const [n, priority] of started.entries()) tasks.push(sched.go(notes(log, n), { priority }));
  go.value = 1;
  await soon(Promise.all(tasks), "all");
  return readLog(log);
}

function repeated(priority: Priority, count: number): Priority[] {
  return new Array(count).fill(priority);
}

Deno.test("priorities", async (t) => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });

  await t.step("what is more urgent begins first, however late it was started", async () => {
    const order = await orderOf(sched, [
      ...repeated("background", 50),
      ...repeated("user-visible", 50),
      ...repeated("user-blocking", 50),
    ]);
    const ranks = order.map((n) => 2 - Math.floor(n / 50));
    assertEquals(ranks.toSorted(), [
      ...new Array(50).fill(0),
      ...new Array(50).fill(1),
      ...new Array(50).fill(2),
    ]);
    // Some turns are for what is less urgent, and a few of these 150 for what is in the background.
    assertLess(ranks.lastIndexOf(0), 80);
    assertLess(ranks.slice(0, ranks.lastIndexOf(1)).filter((rank) => rank === 2).length, 15);
  });

  await t.step("within one priority the order is that of the starts", async () => {
    for (const priority of ["user-blocking", "background"] as const) {
      const order = await orderOf(sched, repeated(priority, 300));
      assertEquals(order, order.map((_, i) => i), priority);
    }
  });

  await t.step("background tasks begin while there is a backlog of others", async () => {
    const order = await orderOf(sched, [...repeated("user-visible", 3000), ...repeated("background", 10)]);
    // One of 122 turns is theirs, but where that finds the thread waiting for arguments that come by port, as these do.
    assertLess(order.indexOf(3009), 2900);
  });

  await t.step("user-blocking tasks leave a tenth of the turns to others", async () => {
    const order = await orderOf(sched, [...repeated("user-blocking", 3000), ...repeated("user-visible", 10)]);
    assertLess(order.indexOf(3009), 1000);
  });

  await t.step("children inherit it, unless they are given another", async () => {
    const log = newLog(60);
    await soon(sched.go(hasBoth(log, 30), { priority: "background" }), "all of them");
    const order = readLog(log);
    assertLess(order.slice(0, order.lastIndexOf(1)).filter((n) => n === 0).length, 15);
  });

  await t.step("a backlog in the background keeps nobody from having room", async () => {
    await using small = await Scheduler.start({ procs: 1, preempt: false, maxTasks: 4, maxQueue: 4 });
    const [begun, go] = [new Flag(), new Flag()];
    const tasks: Promise<unknown>[] = [small.go(spinsUntilSet(begun.buffer, go.buffer))];
    await until(() => begun.value === 1, "the thread is taken");
    for (let n = 0; n < 4; n++) tasks.push(small.go(nothing(), { priority: "background" }));
    assertThrows(() => small.go(nothing(), { priority: "background" }), "maxQueue: 4");
    await soon(small.ready(), "room for others");
    let isReady = false;
    tasks.push(small.ready({ priority: "background" }).then(() => isReady = true));
    tasks.push(small.go(nothing()));
    assertEquals([small.stats().queued, isReady], [5, false]);
    go.value = 1;
    await soon(Promise.all(tasks), "all, and room in the background");
  });

  await t.step(
    "what waits as the thread dies keeps its priority, and what was cancelled never begins",
    async () => {
      const [begun, go] = [new Flag(), new Flag()];
      const log = newLog(41);
      const taken = sched.go(spinsUntilSet(begun.buffer, go.buffer));
      await until(() => begun.value === 1, "the thread is taken");
      const culprit = sched.go(exitOfDeno(), { priority: "user-blocking" });
      const priorities = [...repeated("background", 20), ...repeated("user-blocking", 20)];
      const tasks = priorities.map((priority, n) => sched.go(notes(log, n), { priority }));
      const cancelled = sched.go(notes(log, 40), { priority: "background" });
      cancelled.cancel("it is not wanted any more");
      go.value = 1;
      await soon(taken, "what took the thread");
      await soon<unknown>(assertRejects(() => culprit, ThreadDiedError), "the death");
      await soon(Promise.all(tasks), "all");
      assertEquals(await cancelled.catch(String), "it is not wanted any more");
      const order = readLog(log);
      assertEquals(order.toSorted((a, b) => a - b), [...priorities.keys()]);
      // A few turns are for what is less urgent.
      assertLess(order.slice(0, 20).filter((n) => n < 20).length, 6);
    },
  );

  await t.step("another word is a TypeError", () => {
    const priority = "high" as Priority;
    assertThrows(() => sched.go(nothing(), { priority }), TypeError, "priority is high");
    assertThrows(() => sched.view({ priority }), TypeError, "priority is high");
    assertThrows(() => sched.ready({ priority }), TypeError, "priority is high");
  });
});

Deno.test("views", async (t) => {
  await using sched = await Scheduler.start({ procs: 2 });

  await t.step("no more than its concurrency are under way, whatever else runs", async () => {
    await using view = sched.view({ concurrency: 3 });
    const here = new Flag();
    const others = Array.from({ length: 20 }, () => sched.go(sleeps(1)));
    const most = await soon(
      Promise.all(Array.from({ length: 50 }, () => view.go(crowds(here.buffer)))),
      "all of the view",
    );
    assertLessOrEqual(Math.max(...most), 3);
    assertLess(1, Math.max(...most));
    await Promise.all(others);
  });

  await t.step("what it holds back is queued, can be cancelled, and has its timeout", async () => {
    await using view = sched.view({ concurrency: 1 });
    const [begun, go] = [new Flag(), new Flag()];
    const first = view.go(staysUntilSet(begun.buffer, go.buffer));
    await until(() => begun.value === 1, "it runs");
    const cancelled = view.go(nothing());
    const late = view.go(nothing(), { timeout: 1 });
    const aborted = view.go(nothing(), { signal: AbortSignal.timeout(1) });
    const last = view.go(nothing());
    assertEquals([cancelled.state, sched.stats().queued], ["queued", 4]);
    // Nothing of the scheduler's waits for a thread.
    await soon(sched.ready(), "room");
    cancelled.cancel(new Error("not needed"));
    await assertRejects(() => cancelled, Error, "not needed");
    await assertRejects(() => late, TaskTimeoutError);
    await assertRejects(() => aborted, DOMException, "timeout");
    go.value = 1;
    await soon(Promise.all([first, last]), "the others");
  });

  await t.step("a cancelled task counts until its function has ended", async () => {
    await using view = sched.view({ concurrency: 1 });
    const [begun, go] = [new Flag(), new Flag()];
    const first = view.go(staysUntilSet(begun.buffer, go.buffer));
    await until(() => begun.value === 1, "it runs");
    first.cancel();
    await assertRejects(() => first, DOMException);
    const next = view.go(nothing());
    await soon(sched.go(nothing()), "another one");
    assertEquals(next.state, "queued");
    go.value = 1;
    await soon(next, "the next");
  });

  await t.step("what cannot be copied is refused at once, and takes no place", async () => {
    await using view = sched.view({ concurrency: 1 });
    const refuse = () => assertThrows(() => view.go(notes(Symbol() as never, 1)), DOMException);
    refuse();
    const [begun, go] = [new Flag(), new Flag()];
    const first = view.go(staysUntilSet(begun.buffer, go.buffer));
    refuse();
    go.value = 1;
    await soon(Promise.all([first, view.go(nothing())]), "the others");
  });

  await t.step("a thread that dies takes no place with it", async () => {
    await using view = sched.view({ concurrency: 1 });
    const dying = [view.go(exitOfDeno()), view.go(exitOfDeno())];
    const after = view.go(nothing());
    for (const each of dying) await assertRejects(() => soon(each, "a death"), ThreadDiedError);
    await soon(after, "what comes after");
  });

  await t.step("close() rejects what is held back and what runs, and waits for the end of that", async () => {
    const view = sched.view({ concurrency: 1 });
    const [begun, go] = [new Flag(), new Flag()];
    const tasks = [view.go(staysUntilSet(begun.buffer, go.buffer)), view.go(nothing())];
    await until(() => begun.value === 1, "it runs");
    let isClosed = false;
    const closed = view.close().then(() => isClosed = true);
    for (const each of tasks) await assertRejects(() => each, SchedulerClosedError, "view was closed");
    assertThrows(() => view.go(nothing()), SchedulerClosedError, "view was closed");
    await soon(sched.go(nothing()), "the scheduler goes on");
    assert(!isClosed);
    go.value = 1;
    await soon(closed, "the view is closed");
    const sleeping = sched.view();
    const sleep = sleeping.go(sleeps(600_000));
    await until(() => sleep.state === "running", "it sleeps");
    await soon(sleeping.close(), "a task that hears of it");
    await assertRejects(() => sleep, SchedulerClosedError);
  });

  await t.step("it is a home: for lists, streams and channels, with its priority", async () => {
    await using view: View = sched.view({ concurrency: 2, priority: "background" });
    const counter = new Flag();
    const all = await soon(
      Array.fromAsync(parallelMap(view, [1, 2, 3], () => counts(counter.buffer))),
      "a list",
    );
    assertEquals(all.toSorted(), [1, 2, 3]);
    assertEquals([view.concurrency, view.priority], [2, "background"]);
    assertThrows(() => sched.view({ concurrency: 0 }), RangeError, "concurrency is 0");
    assertThrows(() => sched.view({ limit: 1 } as never), TypeError);
  });

  await t.step("close() of the scheduler ends a view that is being closed, or is closed later", async () => {
    const other = await Scheduler.start({ procs: 1 });
    const view = other.view({ concurrency: 1 });
    const [begun, go] = [new Flag(), new Flag()];
    const tasks = [view.go(staysUntilSet(begun.buffer, go.buffer)), view.go(nothing())];
    const later = other.view();
    const settled = Promise.allSettled(tasks);
    await until(() => begun.value === 1, "it runs");
    const closed = view.close();
    later.go(staysUntilSet(begun.buffer, go.buffer)).catch(() => {});
    await soon(Promise.all([other.close(), closed, settled]), "all of it");
    await soon(later.close(), "nobody runs its task any more");
    assertThrows(() => view.go(nothing()), SchedulerClosedError);
  });
});
