import { assertEquals, assertThrows } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { TASK_LOCK } from "../../../scheduler/arena/layout/header.ts";
import { MAX_DEFINITIONS, TASK_NAME_BYTES } from "../../../scheduler/arena/layout/slot.ts";
import { TaskTable } from "../../../scheduler/slots/task_table.ts";
import type { Definition } from "../../../scheduler/tasks/call.ts";

function tables(count: number) {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  return { arena, tables: Array.from({ length: count }, (_, isolate) => new TaskTable(arena, isolate)) };
}

function definition(key: string): Definition {
  return { module: "", name: "", fn: () => {}, key };
}

Deno.test("a definition has one number in every isolate, and the number says its key", () => {
  const { tables: [host, m] } = tables(2);
  assertEquals([host.number(definition("a")), host.number(definition("b"))], [0, 1]);
  assertEquals([m.number(definition("c")), m.number(definition("b"))], [2, 1]);
  assertEquals([0, 1, 2].map((number) => host.key(number)), ["a", "b", "c"]);
});

Deno.test("keys of any characters arrive as they were", () => {
  const { tables: [host, m] } = tables(2);
  const keys = ["file:///ä/任务.ts#名#1", "", "b".repeat(5000)];
  const numbers = keys.map((key) => host.number(definition(key)));
  assertEquals(numbers.map((number) => m.key(number)), keys);
});

Deno.test("a definition is known where its number was asked for, and in no other isolate", () => {
  const { tables: [host, m] } = tables(2);
  const mine = definition("a");
  assertEquals(host.known(mine), -1);
  host.number(mine);
  assertEquals([host.known(mine), host.known(definition("a")), m.known(mine)], [0, -1, -1]);
});

Deno.test("a number that any isolate asked for is found, and is known from then on", () => {
  const { tables: [host, m] } = tables(2);
  const mine = definition("a");
  assertEquals([m.find(mine), m.known(mine)], [-1, -1]);
  host.number(definition("b"));
  const number = host.number(definition("a"));
  assertEquals([m.find(mine), m.known(mine), m.find(definition("c"))], [number, number, -1]);
});

Deno.test("a definition too many, or a name too long, is refused, and those that are there stay", () => {
  const { arena, tables: [host, m] } = tables(2);
  assertThrows(
    () => host.number(definition("x".repeat(TASK_NAME_BYTES + 1))),
    RangeError,
    "one task too many",
  );
  for (let i = 0; i < MAX_DEFINITIONS; i++) host.number(definition(`${i}`));
  assertThrows(() => m.number(definition("another")), RangeError, `it takes ${MAX_DEFINITIONS}`);
  assertEquals(m.number(definition("7")), 7);
  assertEquals(arena.i32[TASK_LOCK], 0);
});

Deno.test("the lock of a thread that died inside is broken, and no other one's", () => {
  const { arena, tables: [host] } = tables(1);
  arena.i32[TASK_LOCK] = 2 + 1;
  host.breakLock(1);
  assertEquals(arena.i32[TASK_LOCK], 3);
  host.breakLock(2);
  assertEquals(host.number(definition("a")), 0);
});
