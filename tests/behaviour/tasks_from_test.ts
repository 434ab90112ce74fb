/** Tasks of modules that the host does not import. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { go, parallelMap, Scheduler, tasksFrom } from "@heddle/heddle";
import { sumOfHalves } from "../tasks/from_elsewhere.ts";

const url = import.meta.resolve("../tasks/only_in_threads.ts");
const { isMarked, half } = tasksFrom<typeof import("../tasks/only_in_threads.ts")>(url);
const mark = "Heddle's test of tasksFrom";

Deno.test("a thread imports the module, and who starts the task does not", async () => {
  assertEquals(await go(isMarked()), true);
  assertEquals(mark in globalThis, false);
});

Deno.test("such a task has its name and types, and goes wherever a task goes", async () => {
  assertEquals([half.name, await go(half(3))], ["half", 1.5]);
  // @ts-expect-error: it takes a number
  half("3");
});

Deno.test("a task starts children of a module that it does not import", async () => {
  assertEquals(await go(sumOfHalves(100)), 2475);
});

Deno.test("such a task's module can be warm", async () => {
  await using sched = await Scheduler.start({ procs: 1, warm: [half] });
  assertEquals(await Array.fromAsync(parallelMap(sched, [1, 2, 3], half)), [0.5, 1, 1.5]);
});

Deno.test("a name that the module does not define is the task's error", async () => {
  const { third } = tasksFrom<{ third: typeof half }>(url);
  await assertRejects(() => go(third(1)), Error, 'defines no task "third" when a thread imports it');
});

Deno.test("tasks of a module that are awaited, or looked at, are no tasks", async () => {
  const tasks = tasksFrom<typeof import("../tasks/only_in_threads.ts")>(new URL(url));
  assertEquals(await tasks, tasks);
  assertEquals(tasks.half === tasks.half, true);
  assertEquals(Object.keys(tasks), []);
});

Deno.test("what is no URL is told of", () => {
  assertThrows(() => tasksFrom("./tasks.ts"), TypeError, "tasksFrom(./tasks.ts): give a URL");
});
