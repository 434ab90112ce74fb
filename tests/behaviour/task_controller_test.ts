/** Priorities that change while tasks wait. */
import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { Scheduler, SchedulerClosedError, type Task, TaskController, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { exitOfDeno } from "../tasks/dying.ts";
import { spinsUntilSet } from "../tasks/hogging.ts";
import { makesUrgent, newLog, notes, readLog } from "../tasks/ranking.ts";

/** The only thread is taken until what this returns is called. */
async function takeThread(sched: Scheduler): Promise<() => Promise<void>> {
  const [begun, go] = [new Flag(), new Flag()];
  const taken = sched.go(spinsUntilSet(begun.buffer, go.buffer));
  await until(() => begun.value === 1, "the thread is taken");
  return async () => {
    go.value = 1;
    await soon(taken, "what took the thread");
  };
}

Deno.test("the priority of a task that waits follows its signal", async (t) => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const log = newLog(200);
  const place = (n: number) => readLog(log).indexOf(n);
  const start = (n: number, controller?: TaskController) => {
    return sched.go(notes(log, n), controller === undefined ? {} : { signal: controller.signal });
  };

  await t.step("it moves up and down, behind those that are there, and runs once", async () => {
    const release = await takeThread(sched);
    const [up, down] = [new TaskController({ priority: "background" }), new TaskController()];
    assertEquals([up.signal.priority, down.signal.priority], ["background", "user-visible"]);
    const tasks: Task<void>[] = [start(100, down), start(101, up), start(102, up)];
    for (let n = 0; n < 60; n++) tasks.push(start(n));
    let told = 0;
    up.signal.addEventListener("prioritychange", () => told++);
    up.setPriority("user-blocking");
    down.setPriority("background");
    down.setPriority("user-visible");
    down.setPriority("background");
    assertEquals([told, up.signal.priority, down.signal.priority], [1, "user-blocking", "background"]);
    assertEquals(tasks[1].state, "queued");
    await release();
    await soon(Promise.all(tasks), "all");
    assertEquals(readLog(log).toSorted((a, b) => a - b), [...Array(60).keys(), 100, 101, 102]);
    assertLess(place(101), 5);
    assertLess(place(102), 8);
    assertLess(30, place(100));
  });

  await t.step("an explicit priority stays, and what has begun or ended is left alone", async () => {
    const controller = new TaskController({ priority: "background" });
    const fixed = sched.go(notes(log, 110), { signal: controller.signal, priority: "user-visible" });
    await soon(fixed, "a fixed one");
    const [begun, go] = [new Flag(), new Flag()];
    const running = sched.go(spinsUntilSet(begun.buffer, go.buffer), { signal: controller.signal });
    await until(() => begun.value === 1, "it runs");
    controller.setPriority("user-blocking");
    assertEquals(running.state, "running");
    go.value = 1;
    await soon(running, "it ends");
    controller.setPriority("background");
  });

  await t.step("one that has moved is cancelled by its signal, and by itself", async () => {
    const release = await takeThread(sched);
    const [one, other] = [new TaskController(), new TaskController()];
    const [aborted, cancelled] = [start(120, one), start(121, other)];
    one.setPriority("user-blocking");
    other.setPriority("background");
    one.abort("enough");
    cancelled.cancel("no");
    assertEquals(await Promise.all([aborted, cancelled].map((task) => task.catch((why) => why))), [
      "enough",
      "no",
    ]);
    await release();
    await soon(start(122), "another one");
    assertEquals([place(120), place(121)], [-1, -1]);
  });

  await t.step("children move, too, private ones and those that others may take", async () => {
    const own = newLog(61);
    await soon(sched.go(makesUrgent(own, 60)), "the parent");
    assertEquals(readLog(own).length, 61);
    assertLess(readLog(own).indexOf(60), 20);
  });

  await t.step("one that has moved goes on after its thread has died", async () => {
    const controller = new TaskController({ priority: "background" });
    const dying = sched.go(exitOfDeno());
    const task = start(130, controller);
    controller.setPriority("user-blocking");
    await assertRejects(() => soon(dying, "a death"), ThreadDiedError);
    await soon(task, "the task");
    assertEquals(readLog(log).filter((n) => n === 130).length, 1);
  });
});

Deno.test("what waits for a slot or in a view moves as well, and is rejected by close()", async () => {
  const sched = await Scheduler.start({ procs: 1, preempt: false, maxTasks: 4 });
  const view = sched.view({ concurrency: 1 });
  const log = newLog(40);
  const release = await takeThread(sched);
  const controller = new TaskController({ priority: "background" });
  const { signal } = controller;
  const tasks = Array.from({ length: 20 }, (_, n) => sched.go(notes(log, n), { priority: "background" }));
  tasks.push(sched.go(notes(log, 20), { signal }));
  tasks.push(view.go(notes(log, 21)), view.go(notes(log, 22), { signal }));
  controller.setPriority("user-blocking");
  await release();
  await soon(Promise.all(tasks), "all");
  const order = readLog(log);
  assertEquals(order.toSorted((a, b) => a - b), [...Array(23).keys()]);
  assertLess(order.indexOf(20), 8);
  assertEquals(sched.stats().queued, 0);
  await takeThread(sched);
  const waiting = Array.from({ length: 6 }, () => sched.go(notes(log, 30), { signal }));
  controller.setPriority("background");
  const outcomes = waiting.map((task) => task.catch((error) => error));
  const closing = sched.close();
  for (const error of await soon(Promise.all(outcomes), "all")) assert(error instanceof SchedulerClosedError);
  await closing;
});

Deno.test("a controller refuses what is no priority", () => {
  const controller = new TaskController();
  assertThrows(() => controller.setPriority("urgent" as never), TypeError, 'give "user-blocking"');
  assertThrows(() => new TaskController({ priorities: 1 } as never), TypeError, 'did you mean "priority"?');
  assert(controller.signal instanceof AbortSignal);
  controller.abort("why");
  assertEquals([controller.signal.aborted, controller.signal.reason], [true, "why"]);
});
