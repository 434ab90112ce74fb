import { assert, assertEquals, assertRejects } from "@std/assert";
import { Scheduler, TaskTimeoutError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import {
  abortsItsSignal,
  cancelsQueued,
  contains,
  failsAround,
  failsInScope,
  forgets,
  interrupts,
  leavesWaits,
  losesChild,
  nested,
  scopesResult,
  sleepsInScope,
  startsAborted,
  startsLate,
} from "../tasks/scopes.ts";

const sched = await Scheduler.start({ procs: 3 });
Deno.test.afterAll(() => sched.close());

Deno.test("a scope resolves with what its body returned, once all its children have ended", async () => {
  const counter = new Flag();
  assertEquals(await soon(sched.go(scopesResult(counter.buffer)), "the scope"), ["the body's", 50]);
});

Deno.test("the first failure is what the scope rejects with, and nothing of it runs any more by then", async () => {
  const outcomes = {
    child: "RangeError: first",
    body: "RangeError: body",
    cancel: "RangeError: cancelled",
  };
  for (const [how, outcome] of Object.entries(outcomes)) {
    for (const own of [sched, await Scheduler.start({ procs: 1 })]) {
      const failed = own.go(failsInScope(how as "child", new SharedArrayBuffer(4)));
      assertEquals(await soon(failed, how), [outcome, 0], how);
      if (own !== sched) await own.close();
    }
  }
});

Deno.test("a scope's timeout cancels its children and is what it rejects with", async () => {
  const [outcome, running] = await soon(
    sched.go(failsInScope("timeout", new SharedArrayBuffer(4))),
    "the scope",
  );
  assert(outcome.startsWith("TaskTimeoutError: "), outcome);
  assertEquals(running, 0);
});

Deno.test("a scope's end by a timeout, a failure or a cancellation interrupts what its body waits for, however deep", async () => {
  const reasons = {
    timeout: 'TaskTimeoutError: Task "a scope of interrupts"',
    child: "RangeError: the child",
    cancel: "RangeError: cancelled",
  };
  const all = Object.entries(reasons).flatMap(([how, reason]) =>
    (["sleep", "wait", "yield"] as const).flatMap((by) =>
      [0, 2].map(async (depth) => {
        const [told, isAborted, outcome] = await sched.go(interrupts(how as "child", by, depth));
        assert(told.startsWith(reason), `${how}, ${by}, ${depth}: ${told}`);
        assertEquals([isAborted, outcome], ["true", told]);
      })
    )
  );
  await soon(Promise.all(all), "all are interrupted");
});

Deno.test("a task's own cancellation and its deadline interrupt what the bodies of its scopes wait for", async () => {
  const [running, reasons] = [new Flag(), new Flag()];
  const task = sched.go(sleepsInScope(running.buffer, reasons.buffer));
  await until(() => running.value === 1, "it sleeps");
  task.cancel(new Error("enough"));
  await assertRejects(async () => await task, Error, "enough");
  const timed = sched.go(sleepsInScope(running.buffer, reasons.buffer), { timeout: 100 });
  await assertRejects(async () => await timed, TaskTimeoutError);
  await until(() => reasons.value === 1, "the body of the second one was told so");
});

Deno.test("a child that is lost with its thread interrupts what the body of its scope waits for", async () => {
  const died = "ThreadDiedError";
  assertEquals(await soon(sched.dedicate(losesChild()), "the scope"), [died, died]);
});

Deno.test("what fails in a nested scope and is caught ends nothing else; a scope waits for those in it", async () => {
  assertEquals(await soon(sched.go(contains()), "the scopes"), [
    "TaskTimeoutError",
    "caught",
    false,
    "the body",
    "a nested scope",
    "the scope",
  ]);
});

Deno.test("scopes that nobody awaits end with the one around them, and are no unhandled rejections", async () => {
  assertEquals(await soon(sched.go(failsAround()), "the scope"), ["the child", 0]);
});

Deno.test("a scope that has ended leaves no sleep or wait behind, and takes none", async () => {
  const late = ["sleep", "wait", "yield", "scope"].map((what) =>
    `AbortError: scope.${what}(): the scope has ended. Do it before, or with ctx.${what}().`
  );
  const left = "AbortError: The scope has ended in which this sleep or wait began.";
  assertEquals(await soon(sched.go(leavesWaits()), "the scope"), ["the first", left, left, ...late]);
});

Deno.test("a cancellation passes down through scopes, on whatever threads their tasks are", async () => {
  const [running, reasons] = [new Flag(), new Flag()];
  const task = sched.go(nested(2, running.buffer, reasons.buffer));
  await until(() => running.value === 12, "twelve sleep");
  task.cancel(new Error("enough"));
  await assertRejects(async () => await task, Error, "enough");
  await until(() => running.value === 0, "all have stopped");
  assertEquals(reasons.value, 0);
});

Deno.test("a task's deadline passes down to all that it started in scopes, as the reason too", async () => {
  const [running, reasons] = [new Flag(), new Flag()];
  const task = sched.go(nested(2, running.buffer, reasons.buffer), { timeout: 300 });
  await assertRejects(async () => await soon(task, "the deadline"), TaskTimeoutError);
  await until(() => running.value === 0, "all have stopped");
  assertEquals(reasons.value, 12);
});

Deno.test("what is cancelled before it starts never runs", async () => {
  await using one = await Scheduler.start({ procs: 1 });
  const counter = new Flag();
  assertEquals(await soon(one.go(cancelsQueued(counter.buffer)), "the scope"), [
    "never mind",
    ["never mind", "never mind", "never mind"],
    0,
  ]);
});

Deno.test("a scope that has ended starts nothing", async () => {
  assertEquals(
    await soon(sched.go(startsLate()), "the task"),
    "scope.go(): the scope has ended. Do it before, or with ctx.go().",
  );
});

Deno.test("no failure of a child is forgotten that nobody awaits, wherever it ran", async () => {
  for (const [failing, elsewhere] of [[1, false], [2, false], [8, true]] as const) {
    const forgotten = await soon(sched.go(forgets(200, failing, elsewhere)), "the scopes");
    assertEquals(forgotten, 0, `${failing} children`);
  }
  assertEquals(await soon(sched.go(abortsItsSignal()), "the scope"), "the child");
});

Deno.test("a child whose signal is aborted already never runs; its scope ends with the reason, and nobody else hears of it", async () => {
  const outcome = await soon(sched.go(startsAborted(new SharedArrayBuffer(4))), "the scope");
  assertEquals(outcome, ["too late", "cancelled", "cancelled", 0]);
});
