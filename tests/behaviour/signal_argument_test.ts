/** AbortSignals among the arguments of tasks. */
import { getEventListeners } from "node:events";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Channel, Scheduler, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { tids, workersSince } from "../support/os_threads.ts";
import {
  dies,
  ends,
  hearsBy,
  hearsDeep,
  looksAt,
  parentOfHearing,
  returnsSignal,
  sendsSignal,
  throwsInside,
  waitsAfter,
} from "../tasks/given_signals.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

Deno.test("a signal among the arguments is aborted in the task when it is aborted here, with the reason", async () => {
  for (const reason of ["enough", { of: [1] }, new RangeError("too far")]) {
    const controller = new AbortController();
    const arrived = new Flag();
    const tasks = [1, 2, 3].map(() => sched.go(hearsBy(controller.signal, arrived.buffer)));
    tasks.push(sched.dedicate(hearsBy(controller.signal, arrived.buffer)));
    await until(() => arrived.value === 4, "they listen");
    assertEquals(listeners(controller.signal), 1);
    controller.abort(reason);
    for (const heard of await soon(Promise.all(tasks), "all of them")) {
      assertEquals(String(heard), String(reason));
    }
    assertEquals(listeners(controller.signal), 0);
  }
});

Deno.test("a reason that cannot be copied, and none, arrive as an AbortError", async () => {
  for (const reason of [undefined, () => {}]) {
    const controller = new AbortController();
    const arrived = new Flag();
    const task = sched.go(hearsBy(controller.signal, arrived.buffer));
    await until(() => arrived.value === 1, "it listens");
    controller.abort(reason);
    assertEquals((await soon(task, "the reason") as Error).name, "AbortError");
  }
});

Deno.test("one that was aborted before the task begins is aborted from its begin", async () => {
  const none = new Flag().buffer;
  assertEquals(await soon(sched.go(hearsBy(AbortSignal.abort("before"), none)), "the reason"), "before");
  const controller = new AbortController();
  const view = sched.view({ concurrency: 1 });
  const blocker = new AbortController();
  const arrived = new Flag();
  const first = view.go(hearsBy(blocker.signal, arrived.buffer));
  await until(() => arrived.value === 1, "the first runs");
  // It waits on the host, and hears there.
  const second = view.go(hearsBy(controller.signal, none));
  controller.abort("meanwhile");
  blocker.abort("now");
  assertEquals(await soon(Promise.all([first, second]), "both"), ["now", "meanwhile"]);
  await view.close();
});

Deno.test("one that lies deeper is heard by all that takes a signal, and is one signal there as it is here", async () => {
  const controller = new AbortController();
  const task = sched.go(hearsDeep({ signal: controller.signal }, controller.signal));
  await until(() => task.state === "running", "it runs");
  controller.abort("all of you");
  assertEquals(await soon(task, "what it heard"), ["all of you", "all of you", "all of you", true, true]);
});

Deno.test("a task that computes hears when it looks, also where the event loop has let it go on without a P", async () => {
  for (const after of [undefined, 5]) {
    const controller = new AbortController();
    const arrived = new Flag();
    const task = sched.go(looksAt(controller.signal, arrived.buffer, after));
    await until(() => arrived.value === 1, "it computes");
    controller.abort("look");
    assertEquals(await soon(task, "it hears", 30_000), "look");
  }
});

Deno.test("a task that has a signal hears of a cancellation that came before its first await", async () => {
  const { signal } = new AbortController();
  const [arrived, goOn] = [new Flag(), new Flag()];
  const task = sched.go(waitsAfter(signal, arrived.buffer, goOn.buffer));
  await until(() => arrived.value === 1, "it computes");
  task.cancel("enough");
  goOn.value = 1;
  await task.catch(() => {});
  await until(() => listeners(signal) === 0, "it has ended");
});

Deno.test("a task that is not preempted, and looks at a signal, ends with its scheduler", async () => {
  const before = new Set(tids());
  const closing = await Scheduler.start({ procs: 2, preempt: false });
  const { signal } = new AbortController();
  const arrived = new Flag();
  for (const given of [signal, undefined]) {
    closing.go(looksAt(given, arrived.buffer, undefined)).catch(() => {});
  }
  await until(() => arrived.value === 2, "they compute");
  await closing.close();
  await until(() => workersSince(before).length === 0, "no thread is left", 10_000);
  assertEquals(arrived.value, 4);
});

Deno.test("a child hears of its parent's signals, here and elsewhere", async () => {
  const [heard, most, left] = await soon(sched.go(parentOfHearing(new Flag().buffer)), "the parent");
  assertEquals([heard, most, left], [{ why: "the parent" }, 1, 0]);
});

Deno.test("nothing follows a signal when the task has ended, was cancelled, was refused, or died with its thread", async () => {
  const { signal } = new AbortController();
  const controller = new AbortController();
  await soon(sched.go(ends(signal, controller.signal, signal)), "one that ends");
  assertEquals([listeners(signal), listeners(controller.signal)], [0, 0]);
  await assertRejects(() => soon(sched.go(dies(signal)), "one that dies"), ThreadDiedError);
  assertEquals(listeners(signal), 0);
  const arrived = new Flag();
  const cancelled = sched.go(hearsBy(signal, arrived.buffer));
  await until(() => arrived.value === 1, "it listens");
  assertEquals(listeners(signal), 1);
  cancelled.cancel("enough");
  await cancelled.catch(() => {});
  await until(() => listeners(signal) === 0, "nothing follows it");
  assertThrows(() => sched.go(ends(signal, (() => {}) as never)), DOMException, "a function");
  assertEquals(listeners(signal), 0);
  assertStringIncludes(await soon(sched.go(throwsInside(signal)), "a task"), "cannot be cloned");
  controller.abort();
});

Deno.test("a signal is no result, and is not sent through channels: that says what would do", async () => {
  const { signal } = new AbortController();
  const what = "an AbortSignal cannot be cloned; a task can have it as an argument";
  await assertRejects(() => soon(sched.go(returnsSignal(signal)), "a result"), DOMException, what);
  await assertRejects(() => soon(sched.go(sendsSignal(signal)), "a send"), DOMException, what);
  assertThrows(() => new Channel<unknown>(sched, 1).trySend(signal), DOMException, what);
});

Deno.test("a signal of a closed scheduler's task is followed by nobody", async () => {
  const other = await Scheduler.start({ procs: 1 });
  const { signal } = new AbortController();
  const arrived = new Flag();
  const task = other.go(hearsBy(signal, arrived.buffer));
  await until(() => arrived.value === 1, "it listens");
  const closing = other.close();
  await assertRejects(() => task);
  await closing;
  assertEquals(listeners(signal), 0);
});
