import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Scheduler, SchedulerClosedError, task, TaskTimeoutError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { add, idOf, nothing } from "../tasks/arithmetic.ts";
import { busyUntil, busyUntilCancelled } from "../tasks/occupying.ts";
import { echo } from "../tasks/values.ts";
import { misusesGo, note } from "../tasks/family.ts";
import { failsToLoad, failsToParse } from "../tasks/not_loading.ts";
import { sleepUntilCancelled } from "../tasks/waiting.ts";
import { throws } from "../tasks/failing.ts";

// deno-lint-ignore no-explicit-any -- what no TypeScript would pass
type Any = any;

async function withScheduler(body: (sched: Scheduler) => Promise<void>): Promise<void> {
  await using sched = await Scheduler.start({ procs: 1 });
  await body(sched);
}

Deno.test("a definition keeps its function, for a direct call", () => {
  assertEquals(add.fn(undefined as Any, 1, 2), 3);
});

Deno.test("a task has to be told its module, a name and a function", () => {
  assertThrows(() => task({} as Any, "a", () => {}), TypeError, "give import.meta");
  assertThrows(() => task(undefined as Any, "a", () => {}), TypeError, "give import.meta");
  assertThrows(() => task(import.meta, "", () => {}), TypeError, 'task(import.meta, "", …): give a name');
  assertThrows(() => task(import.meta, "a#b", () => {}), TypeError, '"a#b"');
  assertThrows(() => task(import.meta, 5 as Any, () => {}), TypeError, "give a name");
  assertThrows(
    () => task(import.meta, "a", "b" as Any),
    TypeError,
    'task(import.meta, "a", b): give a function',
  );
});

Deno.test("a second task of the same name in one module is an error where it is defined", () => {
  task(import.meta, "twice", () => {});
  assertThrows(() => task(import.meta, "twice", () => {}), TypeError, 'defines a second task "twice"');
});

Deno.test("a task that is defined within a function is not found by threads, and the error says where to define it", async () => {
  const inner = task(import.meta, "inner", () => 1);
  await withScheduler(async (sched) => {
    const error = await assertRejects(() => sched.go(inner()), Error, 'defines no task "inner"');
    assert(error.message.includes("task_test.ts"), error.message);
    assert(error.message.includes("top level"), error.message);
  });
});

Deno.test("a module that throws when a thread imports it fails its tasks, with the cause", () =>
  withScheduler(async (sched) => {
    for (const attempt of [1, 2]) {
      const error = await assertRejects(() => sched.go(failsToLoad()), Error, "did not load in a thread");
      assert(
        error.message.includes("throws_in_threads.ts") && error.message.includes('"failsToLoad"'),
        `${attempt}`,
      );
      assertEquals((error.cause as Error).message, "not in a thread");
    }
    assertEquals(await sched.go(add(1, 1)), 2);
  }));

Deno.test("a module with a syntax error fails its tasks, with the cause", () =>
  withScheduler(async (sched) => {
    const error = await assertRejects(() => sched.go(failsToParse()), Error, "did not load in a thread");
    assert(String(error.cause).includes("SyntaxError"), String(error.cause));
    assertEquals(await sched.go(add(1, 1)), 2);
  }));

Deno.test("a call that is awaited instead of started says what was meant", async () => {
  const message = 'A call of task "add" was awaited that nobody has started: await go(add(…)).';
  const call = add(40, 2) as Any;
  await assertRejects(async () => await call, TypeError, message);
  await assertRejects(() => Promise.all([call]), TypeError, message);
  assertThrows(() => call.then(), TypeError, message);
  await withScheduler(async (sched) => assertEquals(await soon(sched.go(call), "the sum"), 42));
});

Deno.test("what is no call of a task cannot be started, and the error says what it was", () =>
  withScheduler((sched) => {
    const attempts: [unknown, string][] = [
      [() => 1, "the function (anonymous) is not a call of a task"],
      [function named() {}, "the function named is not a call of a task"],
      [undefined, "undefined is not a call of a task"],
      [null, "null is not a call of a task"],
      [42, "42 is not a call of a task"],
      [{}, "is not a call of a task"],
      [add, "add is not a call of a task: you passed the task itself, give go(add())"],
      [Promise.resolve(), "is not a call of a task"],
    ];
    for (const [call, words] of attempts) {
      assertThrows(() => sched.go(call as Any), TypeError, words);
      assertThrows(() => sched.dedicate(call as Any), TypeError, words);
    }
    return Promise.resolve();
  }));

Deno.test("options out of their range are errors at the call, with the value", () =>
  withScheduler((sched) => {
    for (const start of [sched.go, sched.dedicate].map((start) => start.bind(sched))) {
      assertThrows(() => start(nothing(), { timeout: -1 }), RangeError, "timeout is -1: give milliseconds");
      assertThrows(() => start(nothing(), { timeout: NaN }), RangeError, "timeout is NaN");
      assertThrows(() => start(nothing(), { timeout: "5" as Any }), RangeError, "timeout is 5");
      assertThrows(() => start(nothing(), { signal: {} as Any }), TypeError, "give an AbortSignal");
      assertThrows(() => start(nothing(), { signal: new AbortController() as Any }), TypeError, "signal is");
      assertThrows(() => start(nothing(), { name: 5 as Any }), TypeError, "name is 5: give a string");
    }
    assertEquals(sched.stats().inFlight, 0);
    return Promise.resolve();
  }));

Deno.test("an argument that cannot be copied is a DataCloneError at the call, which names the place", () =>
  withScheduler(async (sched) => {
    for (const start of [sched.go, sched.dedicate].map((start) => start.bind(sched))) {
      const error = assertThrows(() => start(echo({ list: [1, () => 2] })), DOMException, "a function");
      assertEquals(error.name, "DataCloneError");
      assert(error.message.includes("list[1]"), error.message);
      assertThrows(() => start(echo(Symbol("s"))), DOMException, "a symbol (Symbol(s)) cannot be cloned");
      assertThrows(() => start(echo(new WeakMap())), DOMException, "a WeakMap cannot be cloned");
      assertThrows(() => start(echo(Promise.resolve())), DOMException, "a Promise cannot be cloned");
    }
    assertEquals(sched.stats().inFlight, 0);
    assertEquals(await sched.go(echo("fine")), "fine");
  }));

Deno.test("an argument that cannot be copied is an error at the call even if the task had to wait for a slot", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 1 });
  const [arrived, leave] = [new Flag(), new Flag()];
  const first = sched.go(busyUntil(arrived.buffer, leave.buffer));
  assertThrows(() => sched.go(echo(() => 1)), DOMException, "a function");
  leave.value = 1;
  await first;
});

Deno.test("ctx.go says the same to a task that misuses it", () =>
  withScheduler(async (sched) => {
    const said = await sched.go(misusesGo());
    assertEquals(said.map(([name]) => name), [
      "TypeError",
      "TypeError",
      "DataCloneError",
      "RangeError",
      "TypeError",
    ]);
    assert(said[0][1].includes("not a call of a task") && said[1][1].includes("not a call of a task"));
    assert(said[2][1].includes("args[0]: a function"), said[2][1]);
    assert(said[3][1].includes("timeout is -1") && said[4][1].includes("give an AbortSignal"));
  }));

Deno.test("options of a scheduler out of their range are errors that say the range", async () => {
  const bad: [Any, string][] = [
    ...[0, -1, 1.5, NaN, "2", 1e9, null, Infinity].map((procs): [Any, string] => [
      { procs },
      `procs is ${procs}: give an integer from 1 to 256.`,
    ]),
    [{ procs: 2, maxThreads: 2 }, "maxThreads is 2: give an integer from 3 (procs is 2, and one is spare)"],
    [{ maxThreads: 1e6 }, "maxThreads is 1000000"],
    [{ maxTasks: 0 }, "maxTasks is 0: give an integer from 1 to"],
    [{ maxTasks: 2.5 }, "maxTasks is 2.5"],
    [{ maxTasks: 1e9 }, "maxTasks is 1000000000"],
    [{ arenaBytes: 4096 }, "arenaBytes is 4096"],
    [{ arenaBytes: 2 ** 40 }, "arenaBytes is 1099511627776"],
    [{ heapLimitMb: 0 }, "heapLimitMb is 0: give an integer from"],
    [{ heapLimitMb: -5 }, "heapLimitMb is -5"],
    [{ heapLimitMb: 1e9 }, "heapLimitMb is 1000000000"],
  ];
  for (const [options, words] of bad) {
    await assertRejects(() => Scheduler.start(options), RangeError, words);
  }
});

Deno.test("setProcs takes what start takes", () =>
  withScheduler((sched) => {
    for (const procs of [0, -1, 1.5, NaN, "2", 1e9]) {
      assertThrows(() => sched.setProcs(procs as Any), RangeError, `procs is ${procs}`);
    }
    assertEquals(sched.procs, 1);
    return Promise.resolve();
  }));

Deno.test("procs beyond what maxThreads leaves room for are an error", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 3 });
  assertThrows(() => sched.setProcs(3), RangeError, "maxThreads");
  sched.setProcs(2);
  assertEquals(sched.procs, 2);
});

Deno.test("a closed scheduler starts nothing, and says so at the call", async () => {
  const sched = await Scheduler.start({ procs: 1 });
  await sched.close();
  assertThrows(() => sched.go(nothing()), SchedulerClosedError, "closed");
  assertThrows(() => sched.dedicate(nothing()), SchedulerClosedError, "closed");
  assertThrows(() => sched.setProcs(1), SchedulerClosedError, "closed");
});

Deno.test("a scheduler that is closing starts nothing either", async () => {
  const sched = await Scheduler.start({ procs: 1 });
  const closed = sched.close();
  assertThrows(() => sched.go(nothing()), SchedulerClosedError);
  await closed;
});

Deno.test("a task has an id of its own, which its context knows too", () =>
  withScheduler(async (sched) => {
    const tasks = Array.from({ length: 100 }, () => sched.go(idOf()));
    assertEquals(await Promise.all(tasks), tasks.map((task) => task.id));
    assertEquals(new Set(tasks.map((task) => task.id)).size, 100);
  }));

Deno.test("a task's state is queued, then running, then how it ended", () =>
  withScheduler(async (sched) => {
    const [arrived, leave] = [new Flag(), new Flag()];
    const first = sched.go(busyUntil(arrived.buffer, leave.buffer));
    await until(() => arrived.value === 1, "the first runs");
    const second = sched.go(throws("on purpose"));
    assertEquals([first.state, second.state], ["running", "queued"]);
    leave.value = 1;
    await first;
    await assertRejects(() => second, TypeError, "on purpose");
    assertEquals([first.state, second.state], ["done", "failed"]);
  }));

Deno.test("what follows a task is a plain promise, and a task can be awaited twice", () =>
  withScheduler(async (sched) => {
    const task = sched.go(add(1, 2));
    assert(task instanceof Promise);
    const next = task.then((n) => n + 1);
    assertEquals(Object.getPrototypeOf(next), Promise.prototype);
    assertEquals([await task, await task, await next], [3, 3, 4]);
    assertEquals(await sched.go(add(1, 2)).finally(() => {}), 3);
  }));

Deno.test("one call can be started many times", () =>
  withScheduler(async (sched) => {
    const call = add(20, 22);
    assertEquals(await Promise.all([sched.go(call), sched.go(call), sched.dedicate(call)]), [42, 42, 42]);
  }));

Deno.test("a task that is cancelled before it starts never runs", () =>
  withScheduler(async (sched) => {
    const path = await Deno.makeTempFile();
    const [arrived, leave] = [new Flag(), new Flag()];
    const first = sched.go(busyUntil(arrived.buffer, leave.buffer));
    await until(() => arrived.value === 1, "the thread is busy");
    const reason = { why: "not needed" };
    const second = sched.go(note(path, "ran"));
    const third = sched.go(note(path, "third"));
    second.cancel(reason);
    assertEquals(second.state, "cancelled");
    const [outcome] = await Promise.allSettled([second]);
    assertStrictEquals((outcome as PromiseRejectedResult).reason, reason);
    leave.value = 1;
    await Promise.all([first, third]);
    assertEquals(await Deno.readTextFile(path), "third");
    await Deno.remove(path);
  }));

Deno.test("a task that is cancelled while it waits for a slot never runs", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 1 });
  const path = await Deno.makeTempFile();
  const [arrived, leave] = [new Flag(), new Flag()];
  const first = sched.go(busyUntil(arrived.buffer, leave.buffer));
  const second = sched.go(note(path, "ran"));
  const third = sched.go(note(path, "third"));
  second.cancel();
  await assertRejects(() => second, DOMException, "cancelled");
  leave.value = 1;
  await Promise.all([first, third]);
  assertEquals(await Deno.readTextFile(path), "third");
  await Deno.remove(path);
});

Deno.test("a cancelled task rejects with an AbortError if no reason is given, and no handler is needed", () =>
  withScheduler(async (sched) => {
    sched.go(nothing()).cancel();
    const error = await assertRejects(() => {
      const task = sched.go(nothing());
      task.cancel();
      return task;
    }, DOMException);
    assertEquals(error.name, "AbortError");
  }));

Deno.test("to cancel what has ended changes nothing", () =>
  withScheduler(async (sched) => {
    const task = sched.go(add(1, 2));
    await task;
    task.cancel();
    assertEquals([task.state, await task], ["done", 3]);
  }));

Deno.test("a task that is cancelled while it sleeps rejects at once; its sleep and its signal say the reason", () =>
  withScheduler(async (sched) => {
    const path = await Deno.makeTempDir();
    const arrived = new Flag();
    const task = sched.go(sleepUntilCancelled(`${path}/heard`, arrived.buffer));
    await until(() => arrived.value === 1, "it sleeps");
    const reason = new RangeError("enough");
    task.cancel(reason);
    assertEquals(task.state, "cancelled");
    assertStrictEquals(await assertRejects(() => task), reason);
    await until(
      () => [...Deno.readDirSync(path)].some(({ name }) => name === "heard"),
      "the task heard of it",
    );
    const heard = ["RangeError", "RangeError", "enough"];
    assertEquals(JSON.parse(await Deno.readTextFile(`${path}/heard`)), [heard, heard, heard]);
    await Deno.remove(path, { recursive: true });
  }));

Deno.test("a computing task that is cancelled hears of it by shouldYield", () =>
  withScheduler(async (sched) => {
    const [arrived, heard] = [new Flag(), new Flag()];
    const task = sched.go(busyUntilCancelled(arrived.buffer, heard.buffer));
    await until(() => arrived.value === 1, "it computes");
    task.cancel("stop");
    await assertRejects(() => task.catch((reason) => Promise.reject(new Error(reason))), Error, "stop");
    await until(() => heard.value === 1, "the task heard of it");
  }));

Deno.test("a signal cancels its task with its reason, before and after it started", () =>
  withScheduler(async (sched) => {
    const [arrived, heard] = [new Flag(), new Flag()];
    const controller = new AbortController();
    const running = sched.go(busyUntilCancelled(arrived.buffer, heard.buffer), { signal: controller.signal });
    await until(() => arrived.value === 1, "it computes");
    const queued = sched.go(nothing(), { signal: controller.signal });
    const reason = new Error("the user left");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => running), reason);
    assertStrictEquals(await assertRejects(() => queued), reason);
    await until(() => heard.value === 1, "the task heard of it");
  }));

Deno.test("a task whose signal is aborted already never runs, and rejects with its reason", () =>
  withScheduler(async (sched) => {
    const path = await Deno.makeTempFile();
    const reason = new Error("before");
    for (const start of [sched.go, sched.dedicate].map((start) => start.bind(sched))) {
      const task = start(note(path, "ran"), { signal: AbortSignal.abort(reason) });
      assertEquals(task.state, "cancelled");
      assertStrictEquals(await assertRejects(() => task), reason);
    }
    await sched.go(nothing());
    assertEquals(await Deno.readTextFile(path), "");
    await Deno.remove(path);
  }));

Deno.test("a task that takes longer than its timeout rejects with a TaskTimeoutError that names it", () =>
  withScheduler(async (sched) => {
    const [arrived, heard] = [new Flag(), new Flag()];
    const task = sched.go(busyUntilCancelled(arrived.buffer, heard.buffer), {
      timeout: 30,
      name: "slow one",
    });
    const error = await assertRejects(() => task, TaskTimeoutError);
    assert(error.message.includes('"slow one"') && error.message.includes("30 ms"), error.message);
    assertEquals(task.state, "cancelled");
    await soon(sched.go(nothing()), "the thread is free again");
  }));

Deno.test("what a timed out task sees as its signal's reason is a TaskTimeoutError", () =>
  withScheduler(async (sched) => {
    const path = await Deno.makeTempDir();
    const arrived = new Flag();
    const task = sched.go(sleepUntilCancelled(`${path}/heard`, arrived.buffer), { timeout: 50 });
    await assertRejects(() => task, TaskTimeoutError);
    if (arrived.value === 1) {
      await until(
        () => [...Deno.readDirSync(path)].some(({ name }) => name === "heard"),
        "the task heard of it",
      );
      const [[className, name]] = JSON.parse(await Deno.readTextFile(`${path}/heard`));
      assertEquals([className, name], ["TaskTimeoutError", "TaskTimeoutError"]);
    }
    await Deno.remove(path, { recursive: true });
  }));

Deno.test("a timeout that is long enough changes nothing, whatever its length", () =>
  withScheduler(async (sched) => {
    for (const timeout of [10_000, 2 ** 31, 2 ** 40, Infinity]) {
      const [arrived, leave] = [new Flag(), new Flag()];
      const task = sched.go(busyUntil(arrived.buffer, leave.buffer), { timeout });
      await until(() => arrived.value === 1, "it runs");
      // A timer of the host that is due would fire first.
      await new Promise((resolve) => setTimeout(resolve, 5));
      leave.value = 1;
      await task;
      assertEquals(task.state, "done", `timeout ${timeout}`);
    }
  }));

Deno.test("a signal keeps nothing of a task that has ended", () =>
  withScheduler(async (sched) => {
    let listeners = 0;
    class Counting extends AbortController {}
    const { signal } = new Counting();
    const [addListener, removeListener] = [signal.addEventListener, signal.removeEventListener];
    signal.addEventListener = function (...args: Any) {
      listeners++;
      return (addListener as Any).apply(this, args);
    };
    signal.removeEventListener = function (...args: Any) {
      listeners--;
      return (removeListener as Any).apply(this, args);
    };
    await Promise.all(Array.from({ length: 10 }, () => sched.go(nothing(), { signal })));
    assertEquals(listeners, 0);
  }));
