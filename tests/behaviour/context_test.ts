import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { Scheduler, ThreadDiedError } from "@heddle/heddle";
import { threadOptions } from "../support/capabilities.ts";
import { soon, until, untilSync } from "../support/deadline.ts";
import { add, fan, identity, idOf, nothing, tree } from "../tasks/arithmetic.ts";
import {
  leavesRejection,
  Refused,
  rejects,
  returnsFunction,
  returnsThenable,
  returnsThrowingThen,
  returnsTrap,
  returnsWeakMap,
  throws,
  throwsFunction,
  throwsHidden,
  throwsRefused,
} from "../tasks/failing.ts";
import {
  cancelsChildren,
  cancelsYields,
  failingChildren,
  family,
  limitsChildren,
  looksTooLate,
  note,
  notesAndWaits,
} from "../tasks/family.ts";
import { busyUntilAsked } from "../tasks/occupying.ts";
import {
  awaitsOutside,
  misusesSleep,
  races,
  sleepTimed,
  tidsOverAwaits,
  turns,
  waitsForOutside,
} from "../tasks/waiting.ts";

/** With so many Ps. */
const [one, two] = await Promise.all(
  [1, 2].map((procs) => Scheduler.start({ procs, preempt: false })),
);
Deno.test.afterAll(async () => void await Promise.all([one.close(), two.close()]));

Deno.test("a fork-join tree of 131,071 tasks counts each once, on more than one thread", async () => {
  const sched = two;
  const [count, tids] = await soon(sched.go(tree(16)), "the tree", 60_000);
  assertEquals(count, 131_071);
  assertGreater(tids.length, 1);
});

Deno.test("a fork-join tree on one thread counts each task once", async () => {
  const sched = one;
  const [count, tids] = await soon(sched.go(tree(14)), "the tree");
  assertEquals([count, tids.length], [32_767, 1]);
});

Deno.test("a hundred thousand children of one task all settle", async () => {
  const sched = two;
  assertEquals(await soon(sched.go(fan(100_000)), "the fan"), 100_000 * 99_999 / 2);
});

Deno.test("trees started by the host and trees on dedicated threads go on beside each other", async () => {
  const sched = two;
  const trees = [
    ...Array.from({ length: 6 }, () => sched.go(tree(10))),
    ...Array.from({ length: 2 }, () => sched.dedicate(tree(10))),
  ];
  const counts = (await soon(Promise.all(trees), "eight trees")).map(([count]) => count);
  assertEquals(counts, Array(8).fill(2047));
});

Deno.test("children of a task run on other threads while it waits for them", async () => {
  await using sched = await Scheduler.start({ procs: 3, preempt: false });
  const [, tids] = await soon(sched.go(family(30, 5)), "30 children");
  assertGreater(new Set(tids).size, 1);
});

Deno.test("an error that a task throws keeps its class, name, message, stack and cause", async () => {
  const sched = one;
  for (const start of [sched.go, sched.dedicate].map((start) => start.bind(sched))) {
    const error = await assertRejects(() => start(throws("on purpose")), TypeError, "on purpose");
    assert(error.stack!.includes("tests/tasks/failing.ts"), error.stack);
    assertEquals((error.cause as Error).constructor, RangeError);
    assertEquals((error.cause as Error).message, "the cause");
    await assertRejects(() => start(rejects("later")), URIError, "later");
  }
});

Deno.test("an error of a class of the task's module keeps that class if the module exports it", async () => {
  const sched = one;
  const error = await assertRejects(() => sched.go(throwsRefused()), Refused, "not today");
  assertEquals([error.name, error.code, error.cause], ["Refused", 7, { why: ["closed"] }]);
  const hidden = await assertRejects(() => sched.go(throwsHidden()), TypeError, "nobody knows my class");
  assertEquals(hidden.name, "Hidden");
});

Deno.test("a task that returns or throws what cannot be copied is rejected with a DataCloneError", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const returned = await assertRejects(
    () => sched.go(returnsFunction()),
    DOMException,
    "result.deep[0]: a function",
  );
  assertEquals(returned.name, "DataCloneError");
  const later = await assertRejects(
    () => sched.go(returnsWeakMap()),
    DOMException,
    "a WeakMap cannot be cloned",
  );
  assertEquals(later.name, "DataCloneError");
  const thrown = await assertRejects(() => sched.go(throwsFunction()), DOMException, "a function (thrown)");
  assertEquals(thrown.name, "DataCloneError");
  const trap = await assertRejects(() => sched.go(returnsTrap()), DOMException, "a function");
  assertEquals(trap.name, "DataCloneError");
  assertEquals(await sched.go(add(1, 1)), 2);
  await until(() => sched.stats().threads === 2, "one thread, and a spare");
});

Deno.test("a task that returns a thenable resolves with what that does", async () => {
  const sched = one;
  assertEquals(await sched.go(returnsThenable()), 42);
  await assertRejects(() => sched.go(returnsThrowingThen()) as Promise<unknown>, RangeError, "then");
  assertEquals(await sched.go(add(1, 1)), 2);
});

Deno.test("children's errors reach their parent with their class", async () => {
  for (const sched of [one, two]) {
    const errors = await sched.go(failingChildren()) as Error[];
    assertEquals(errors.map((error) => [error.constructor, error.message]), [[RangeError, "one"], [
      RangeError,
      "two",
    ]]);
  }
});

Deno.test("a parent cancels children that wait and that sleep", async () => {
  for (const sched of [one, two]) {
    const [first, firstState, before, second, secondState] = await sched.go(cancelsChildren()) as unknown[];
    assertEquals([first, firstState, before, secondState], ["early", "cancelled", "running", "cancelled"]);
    assertEquals([(second as Error).constructor, (second as Error).message], [RangeError, "late"]);
  }
});

Deno.test("a child's timeout and signal end it", async () => {
  const sched = one;
  const [timeout, signal, never] = await soon(sched.go(limitsChildren()), "three children");
  assertEquals((timeout as Error).name, "TaskTimeoutError");
  assert((timeout as Error).message.includes('"sleepFor"') && (timeout as Error).message.includes("5 ms"));
  assertEquals([signal, never], ["by signal", "before"]);
});

Deno.test("an unhandled rejection in a task is reported and ends nothing", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const tid = await sched.go(leavesRejection());
  assertEquals(await sched.go(leavesRejection()), tid);
});

Deno.test("ctx.yield lets the others on the thread go on, in turns", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const log = new SharedArrayBuffer(4 * 100);
  const tids = await Promise.all([sched.go(turns(log, 1, 40)), sched.go(turns(log, 2, 40))]);
  assertEquals(tids[0], tids[1]);
  const marks = [...new Int32Array(log)].slice(1, 81);
  assertEquals(marks.filter((mark) => mark === 1).length, 40);
  assertEquals(marks.filter((mark) => mark === 2).length, 40);
  // From when both are there until one has ended, nobody has two turns more than the other.
  const from = Math.max(marks.indexOf(1), marks.indexOf(2));
  const to = Math.min(marks.lastIndexOf(1), marks.lastIndexOf(2));
  assertGreater(to - from, 70);
  for (let i = from; i < to - 2; i++) assertEquals(new Set(marks.slice(i, i + 3)).size, 2, `${marks}`);
});

Deno.test("a cancellation ends all that a task yields for, now and later, and nothing of others", async () => {
  const sched = one;
  const [pending, later, ...others] = await soon(sched.go(cancelsYields()), "both end");
  assertEquals([pending, later], ["RangeError: enough,RangeError: enough", "RangeError: enough"]);
  assertEquals(others, ["went on,went on", "went on"]);
});

Deno.test("ctx.sleep is never shorter than asked, nor a second longer", async () => {
  const sched = one;
  for (const ms of [0, 0.3, 1, 5, 20, 50]) {
    const took = await sched.go(sleepTimed(ms));
    assertGreaterOrEqual(took, ms);
    assert(took < ms + 1000, `${took} ms instead of ${ms}`);
  }
});

Deno.test("a thousand tasks sleep at once, and take no longer than one", async () => {
  const sched = two;
  const start = performance.now();
  const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => sched.go(sleepTimed(100 + i % 100))));
  all.forEach((took, i) => assertGreaterOrEqual(took, 100 + i % 100));
  // One after the other they would take 150 s.
  assert(performance.now() - start < 10_000);
});

Deno.test("ctx.sleep says what it takes", async () => {
  const sched = one;
  const said = await sched.go(misusesSleep());
  assertEquals(said.map(([name]) => name), ["RangeError", "RangeError", "RangeError"]);
  assertEquals(said.map(([, message]) => message.split(":")[0]), [
    "ctx.sleep(-1)",
    "ctx.sleep(NaN)",
    "ctx.sleep(5)",
  ]);
});

Deno.test("ctx.wait gives what the promise of the world outside gives", async () => {
  const sched = one;
  const [text, timer, failed, thenable] = await soon(sched.go(waitsForOutside()), "ctx.wait");
  assertEquals([text, timer, thenable], ["hello", "timer", "thenable"]);
  assertEquals([(failed as Error).constructor, (failed as Error).message], [RangeError, "outside"]);
});

Deno.test("a plain await of the world outside works", async () => {
  const sched = two;
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "content");
  const all = await soon(
    Promise.all(Array.from({ length: 20 }, () => sched.go(awaitsOutside(path)))),
    "20 tasks",
  );
  for (const one of all) assertEquals(one, ["timer", "content", "plain", "microtask"]);
  await Deno.remove(path);
});

Deno.test("whichever of a sleep and a timer of the world outside comes first wins a race", async () => {
  const sched = one;
  for (const start of [sched.go, sched.dedicate].map((start) => start.bind(sched))) {
    assertEquals(await soon(start(races()), "two races"), ["inside", "outside"]);
  }
});

threadOptions.test("a task stays on its thread over every kind of await", async () => {
  await using sched = await Scheduler.start({ procs: 3, preempt: false });
  const all = await Promise.all(Array.from({ length: 20 }, () => sched.go(tidsOverAwaits())));
  for (const tids of all) assertEquals(new Set(tids).size, 1);
});

Deno.test("a task that computes is asked to yield after its slice of 10 ms", async () => {
  const sched = one;
  const ms = await sched.go(busyUntilAsked());
  assertGreaterOrEqual(ms, 9.5);
  assert(ms < 5000, `${ms} ms`);
});

Deno.test("tasks of the host and children have ids that are unique in their scheduler", async () => {
  const sched = two;
  const ids = await Promise.all(Array.from({ length: 3000 }, () => sched.go(idOf())));
  assertEquals(new Set(ids).size, 3000);
});

Deno.test("a child that has ended on another thread is not queued, though its parent has not heard of its end", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  assertEquals(await soon(sched.go(looksTooLate()), "the parent"), "running");
});

Deno.test("a task starts although its slot's last one was cancelled late, and the thread of that one is busy", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  await Promise.all([sched.go(nothing()), sched.go(note("/dev/null", ""))]);
  const path = await Deno.makeTempDir();
  const first = sched.go(identity(1));
  const blocker = sched.go(notesAndWaits(`${path}/arrived`, `${path}/leave`));
  // Meanwhile the first one has ended, and the host cannot have read so.
  untilSync(() => [...Deno.readDirSync(path)].length > 0, "the thread is busy with the second task");
  assertEquals(first.state, "running");
  first.cancel("late");
  assertEquals(await first.catch((reason) => reason), "late");
  await until(() => sched.stats().inFlight === 1, "the host has read its mail");
  await soon(sched.dedicate(nothing()), "a dedicated task starts");
  assertEquals(await soon(sched.dedicate(add(1, 2)), "another one starts"), 3);
  await Deno.writeTextFile(`${path}/leave`, "");
  await blocker;
  await Deno.remove(path, { recursive: true });
});

Deno.test("a child whose thread died rejects with a ThreadDiedError in its parent, on another thread", async () => {
  const { parentOfDying } = await import("../tasks/dying.ts");
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const [name, message] = await soon(sched.go(parentOfDying()), "the parent hears of it");
  assertEquals(name, ThreadDiedError.name);
  assert(message.includes('"exitOfNode"'), message);
  await until(() => sched.stats().idleProcs === 2, "both Ps are back");
});
