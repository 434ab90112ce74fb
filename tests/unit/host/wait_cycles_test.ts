// Which circles of waiting a dump tells, by what it knows of tasks.
import { assertEquals } from "@std/assert";
import { cyclesOf } from "../../../scheduler/host/wait_cycles.ts";
import type { DumpedHolder, DumpedObject, DumpedTask } from "../../../scheduler/host/dump.ts";

function mutex(name: string, heldBy: DumpedHolder, ...waiting: readonly number[]): DumpedObject {
  return {
    name,
    kind: "mutex",
    heldBy: [heldBy],
    waiting: waiting.map((thread) => ({ operation: "lock", thread, count: 1, inSelect: false })),
  };
}

/** Of thread 1. */
function taskOf(id: number, fields: Partial<DumpedTask>): DumpedTask {
  return {
    id,
    name: "",
    module: "",
    state: "begun",
    startedBy: "host",
    thread: 1,
    hasTurn: false,
    ...fields,
  };
}

function awaits(what: string, fields: { objects?: readonly string[]; task?: number }): Partial<DumpedTask> {
  return { awaits: [{ what, forMs: 0, at: [], ...fields }] };
}

function on(thread: number, ...tasks: readonly number[]): DumpedHolder {
  return { thread, times: 1, ...(tasks.length > 0 && { tasks }) };
}

Deno.test("threads in a circle are told once, without those that wait for it or that it waits for", () => {
  const objects = [
    mutex("a", on(1), 2, 3),
    mutex("b", on(2), 1),
    mutex("c", on(3), 4),
    mutex("d", on(5), 1),
    mutex("e", on(6), 6),
  ];
  assertEquals(cyclesOf([], objects), [[
    { thread: 2, waitsFor: "a", heldBy: 1 },
    { thread: 1, waitsFor: "b", heldBy: 2 },
  ]]);
});

Deno.test("a thread that waits for another one is in no circle if other tasks of it hold what that waits for", () => {
  const objects = [mutex("a", on(1, 10), 2), mutex("b", on(2, 20), 1)];
  const waits = [
    taskOf(11, awaits("lock b", { objects: ["b"] })),
    taskOf(20, { thread: 2, ...awaits("lock a", { objects: ["a"] }) }),
  ];
  assertEquals(cyclesOf([taskOf(10, awaits("sleep", {})), ...waits], objects), []);
  const [first] = cyclesOf([taskOf(10, awaits("lock b", { objects: ["b"] })), ...waits], objects);
  assertEquals(first.map(({ task, heldByTask }) => [task, heldByTask]), [[10, 20], [20, 10]]);
});

Deno.test("a task that has returned an operation's promise may be who waits on its thread, unless it computes", () => {
  const objects = [mutex("a", on(1, 10), 1), mutex("b", on(1, 11), 1)];
  const tasks = [taskOf(10, { awaits: [] }), taskOf(11, awaits("lock a", { objects: ["a"] }))];
  assertEquals(cyclesOf(tasks, objects).map((steps) => steps.length), [2]);
  assertEquals(cyclesOf([taskOf(10, { awaits: [], hasTurn: true }), tasks[1]], objects), []);
});

Deno.test("a task waits for itself only if nobody else holds what it waits for", () => {
  const waits = [taskOf(10, awaits("lock a", { objects: ["a"] }))];
  assertEquals(cyclesOf(waits, [mutex("a", on(1, 10), 1)]), [[
    { thread: 1, task: 10, waitsFor: "a", heldBy: 1, heldByTask: 10 },
  ]]);
  assertEquals(cyclesOf(waits, [mutex("a", { thread: 1, times: 2, tasks: [10, 12] }, 1)]), []);
});

Deno.test("10,000 tasks that await each other in a row are no circle, and with one more await they are one", () => {
  const many = 10_000;
  const row = Array.from(
    { length: many },
    (_, id) => taskOf(id + 1, awaits(`task ${id + 2}`, { task: id + 2 })),
  );
  const end = (task: number) => taskOf(many + 1, awaits(`task ${task}`, { task }));
  assertEquals(cyclesOf([...row, end(many + 2)], []), []);
  assertEquals(cyclesOf([...row, end(1)], []).map((steps) => steps.length), [many + 1]);
});
