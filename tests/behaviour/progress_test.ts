/** What tasks report while they run. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Scheduler, SchedulerClosedError, TaskTimeoutError, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { counts, hears, reportsLate, reportsWrongly, steps, yieldsToo } from "../tasks/progressing.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

/** All that is read of it, each counted in the flag. */
async function read(progress: AsyncIterable<unknown>, flag = new Flag()): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const value of progress) {
    seen.push(value);
    flag.increment();
  }
  return seen;
}

Deno.test("what a task reports arrives while it runs, if its reader keeps up", async () => {
  const flag = new Flag();
  const list = [1, "two", { three: [3] }, undefined, new Error("five"), 2n ** 80n, "x".repeat(100_000)];
  const task = sched.go(steps(list, flag.buffer, "ends"));
  const seen = await soon(read(task.progress, flag), "the end");
  assertEquals(seen.map(String), list.map(String));
  assertEquals(await task, undefined);
});

Deno.test("of many reports the last one is read, by each reader and by one that comes late", async () => {
  const task = sched.go(counts(10_000));
  const [one, other] = await soon(Promise.all([read(task.progress), read(task.progress)]), "two readers");
  const last = { at: 10_000, of: [10_000] };
  assertEquals([one.at(-1), other.at(-1)], [last, last]);
  one.forEach((value, i) =>
    assertEquals((value as typeof last).at > ((one[i - 1] as typeof last)?.at ?? 0), true)
  );
  assertEquals(await task, "all");
  assertEquals(await soon(read(task.progress), "a late reader"), [last]);
});

Deno.test("a parent hears of its children, on its thread and on others", async () => {
  for (const isElsewhere of [false, true]) {
    const { heard, result } = await soon(sched.go(hears(1000, isElsewhere)), "a parent");
    assertEquals([heard.at(-1), result], [1000, "all"]);
    assertEquals(heard, heard.toSorted((a, b) => a - b));
  }
});

Deno.test("dedicated tasks, those of views and of lockers, and those that yield report, too", async () => {
  const locker = await sched.locker();
  const view = sched.view({ concurrency: 1 });
  for (const task of [sched.dedicate(counts(3)), view.go(counts(3)), locker.go(counts(3))]) {
    assertEquals((await soon(read(task.progress), "the end")).at(-1), { at: 3, of: [3] });
    await task;
  }
  await Promise.all([locker.close(), view.close()]);
  const stream = sched.go(yieldsToo(3));
  const [parts, values] = await soon(
    Promise.all([read(stream.progress), Array.fromAsync(stream)]),
    "one that yields",
  );
  assertEquals([parts.at(-1), values], [1, [1, 2, 3]]);
});

Deno.test("a reader ends with the task, whatever ends that, and its promise says what", async () => {
  const controller = new AbortController();
  const none = new Flag().buffer;
  const failing = sched.go(steps([], none, "fails"));
  const late = sched.go(steps([], none, "waits"), { timeout: 1 });
  const cancelled = sched.go(steps([], none, "waits"));
  const aborted = sched.go(steps([], none, "waits"), { signal: controller.signal });
  const never = sched.go(steps([], none, "waits"), { signal: AbortSignal.abort("before") });
  const tasks = [failing, late, cancelled, aborted, never];
  const readers = tasks.map((task) => read(task.progress));
  await until(() => aborted.state === "running", "one runs");
  cancelled.cancel("enough");
  controller.abort("over");
  assertEquals(await soon(Promise.all(readers), "the readers"), [[], [], [], [], []]);
  const outcomes = await Promise.all(tasks.map((task) => task.catch((error) => error)));
  assertEquals(outcomes.slice(2), ["enough", "over", "before"]);
  assertEquals([outcomes[0].message, outcomes[1] instanceof TaskTimeoutError], ["it failed", true]);
});

Deno.test("a reader ends when the thread dies in the middle, after the last report", async () => {
  const flag = new Flag();
  const task = sched.go(steps([1, 2], flag.buffer, "dies"));
  assertEquals(await soon(read(task.progress, flag), "the end"), [1, 2]);
  await assertRejects(() => task, ThreadDiedError);
  const quick = sched.go(steps(["only"], new Flag().buffer, "dies"));
  await soon(quick.progress[Symbol.asyncIterator]().next(), "its report");
  quick.cancel();
  assertEquals(await soon(read(quick.progress), "a cancelled one"), ["only"]);
});

Deno.test("a reader ends when the scheduler is closed", async () => {
  const other = await Scheduler.start({ procs: 1 });
  const task = other.go(steps([1], new Flag().buffer, "waits"));
  const iterator = task.progress[Symbol.asyncIterator]();
  assertEquals(await soon(iterator.next(), "a report"), { value: 1, done: false });
  const next = iterator.next();
  await other.close();
  assertEquals(await soon(next, "the end"), { value: undefined, done: true });
  await assertRejects(() => task, SchedulerClosedError);
});

Deno.test("a reader that is left hears nothing more, and the task goes on", async () => {
  const flag = new Flag();
  const task = sched.go(steps([1, 2], flag.buffer, "ends"));
  const iterator = task.progress[Symbol.asyncIterator]();
  assertEquals((await soon(iterator.next(), "a report")).value, 1);
  const next = iterator.next();
  assertEquals(await iterator.return!(), { value: undefined, done: true });
  assertEquals(await soon(next, "what was on its way"), { value: undefined, done: true });
  flag.value = 2;
  assertEquals(await soon(task, "the task"), undefined);
});

Deno.test("what is no plain data is in no report, and who reports after the end is told", async () => {
  for (const what of ["function", "channel", "shared"]) {
    const error = await assertRejects(() => soon(sched.go(reportsWrongly(what)), what), DOMException);
    assertEquals(error.name, "DataCloneError");
    assertStringIncludes(error.message, "report: ");
  }
  assertStringIncludes(await soon(sched.go(reportsLate()), "a late one"), "has ended, and nobody hears");
});
