import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { Heap } from "../../../scheduler/arena/heap.ts";
import { HEAP_TOP } from "../../../scheduler/arena/layout/header.ts";
import { W_CELL, W_ISOLATE, W_NUMBER, W_QUEUE, W_SELECTION } from "../../../scheduler/arena/layout/object.ts";
import { Records } from "../../../scheduler/sync/records.ts";
import { Waiter } from "../../../scheduler/sync/waiter.ts";

const M = 1;

function setUp() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  const heap = new Heap(arena, M);
  return { arena, heap, words: arena.i32, records: new Records(arena, M, heap) };
}

/** It waits for nothing that these tests ask. */
function waiter(): Waiter {
  return new Waiter({} as Waiter["waited"], 0);
}

function parked(records: Records): Waiter {
  const one = waiter();
  records.reserve();
  records.assign(one);
  return one;
}

Deno.test("an operation is found by its record as long as that is its own", () => {
  const { words, records } = setUp();
  const [first, second] = [parked(records), parked(records)];
  assertNotEquals(first.record, second.record);
  assertEquals(words[first.record + W_ISOLATE], M);
  assertEquals([records.waiterOf(first.record), records.waiterOf(second.record)], [first, second]);
  assertEquals([...records.waiters()], [first, second]);
  const { record } = first;
  records.release(first);
  assertEquals([records.waiterOf(record), first.record, [...records.waiters()]], [undefined, 0, [second]]);
});

Deno.test("a record of who had the isolate's number before is nobody's, although its number is in use", () => {
  const { arena, heap, words, records } = setUp();
  const before = parked(new Records(arena, M, heap));
  const now = parked(records);
  assertEquals(words[before.record + W_NUMBER], words[now.record + W_NUMBER]);
  assertEquals([records.waiterOf(before.record), records.waiterOf(now.record)], [undefined, now]);
});

Deno.test("a record that is used again says nothing of the operation before", () => {
  const { words, records } = setUp();
  const first = parked(records);
  const { record } = first;
  for (const word of [W_SELECTION, W_QUEUE, W_CELL]) words[record + word] = 7;
  records.release(first);
  assertEquals(parked(records).record, record);
  assertEquals([W_SELECTION, W_QUEUE, W_CELL].map((word) => words[record + word]), [0, 0, 0]);
});

Deno.test("records beyond those that are kept go back to the heap, and their numbers to others", () => {
  const { words, records } = setUp();
  const round = () => {
    const all = Array.from({ length: 1000 }, () => parked(records));
    const numbers = new Set(all.map(({ record }) => words[record + W_NUMBER]));
    assertEquals([numbers.size, Math.max(...numbers)], [1000, 999]);
    for (const one of all) records.release(one);
  };
  round();
  const top = words[HEAP_TOP];
  round();
  assertEquals(words[HEAP_TOP], top);
});

Deno.test("in a full arena a reservation fails, and what was reserved before is there", () => {
  const { heap, records } = setUp();
  records.reserve(3);
  while (heap.allocate(0) !== 0);
  assertThrows(() => records.reserve(4), RangeError, "is full");
  assertEquals(records.tryReserve(3), undefined);
  assertEquals(new Set([records.take(), records.take(), records.take()]).size, 3);
});

Deno.test("from the end on nothing is reserved, nor was", () => {
  const { records } = setUp();
  records.reserve(3);
  records.shutDown(() => new TypeError("closed"));
  assertThrows(() => records.reserve(), TypeError, "closed");
  assertThrows(() => records.tryReserve(), TypeError, "closed");
});
