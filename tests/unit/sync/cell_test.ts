import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { HEAP_TOP } from "../../../scheduler/arena/layout/header.ts";
import { CELL_WORDS, O_IN_FLIGHT } from "../../../scheduler/arena/layout/object.ts";
import { copyCell, copyWithin, dropCell, takeCell, writeCell } from "../../../scheduler/sync/cell.ts";
import { CHANNEL } from "../../../scheduler/sync/handles.ts";
import type { Isolate } from "../../../scheduler/sync/isolate.ts";
import { fourIsolates } from "../../support/isolates.ts";

/** Also makes sure that handles of channels can be made. */
import "../../../scheduler/sync/channel.ts";

/** As a value goes: from who sends it, by a cell of the arena, to who takes it. */
function pass(from: Isolate, to: Isolate, value: unknown): unknown {
  const cell = from.heap.allocate(0) >> 2;
  writeCell(from, from.sending, 0, value);
  copyCell(from.sending.i32, 0, from.words, cell);
  copyCell(from.words, cell, to.taken.i32, 0);
  from.heap.free(cell * 4, 0);
  return takeCell(to, to.taken, 0);
}

Deno.test("short values lie in the cell, longer ones in the heap, and all arrive in another isolate", () => {
  const [, one, other] = fourIsolates();
  const { words } = one;
  pass(one, other, 0);
  const top = words[HEAP_TOP];
  const short = [
    0,
    -0,
    -1,
    2 ** 23,
    1.5,
    NaN,
    -5n,
    2n ** 62n,
    true,
    false,
    null,
    undefined,
    "",
    "12 letters",
    "ä任",
  ];
  for (const value of short) assertEquals(pass(one, other, value), value);
  assertEquals(words[HEAP_TOP], top);
  for (
    const value of [
      "more than twelve letters",
      2n ** 64n,
      [1],
      { a: new Map([[1, "b"]]) },
      "x".repeat(100_000),
    ]
  ) {
    assertEquals(pass(one, other, value), value);
  }
  assert(words[HEAP_TOP] > top);
});

Deno.test("what was taken out of a cell, or dropped in it, leaves no memory behind", () => {
  const [, one] = fourIsolates();
  const { values } = one;
  const cell = one.heap.allocate(0) >> 2;
  const round = () => {
    writeCell(one, values, cell, "x".repeat(1000));
    takeCell(one, values, cell);
    writeCell(one, values, cell, ["y".repeat(1000)]);
    dropCell(one, values, cell);
  };
  round();
  const top = one.words[HEAP_TOP];
  for (let i = 0; i < 100; i++) round();
  assertEquals(one.words[HEAP_TOP], top);
});

Deno.test("a handle in a cell is on its way until it is taken out or dropped", () => {
  const [, one] = fourIsolates();
  const { handles, words, values } = one;
  const object = handles.create(CHANNEL, 0);
  handles.depart(object);
  const handle = handles.arrive(object);
  const cell = one.heap.allocate(0) >> 2;
  for (const end of [takeCell, dropCell]) {
    writeCell(one, values, cell, [handle]);
    assertEquals(words[object + O_IN_FLIGHT], 1);
    end(one, values, cell);
    assertEquals(words[object + O_IN_FLIGHT], 0);
  }
});

Deno.test("what cannot be bytes, or copied, or finds no room in the arena is refused, and no memory is left behind", () => {
  const [, one] = fourIsolates();
  const refused = (value: unknown) => () => writeCell(one, one.sending, 0, value);
  const top = one.words[HEAP_TOP];
  assertThrows(refused({ a: new SharedArrayBuffer(8) }), DOMException, "does not go through a channel");
  assertThrows(refused([() => {}]), DOMException);
  assertThrows(refused("x".repeat(8 << 20)), RangeError, "has no room for its 8388");
  assertEquals(one.words[HEAP_TOP], top);
});

Deno.test("a copy within an isolate is another object, and an error's class is what it was", () => {
  class Refused extends Error {
    override name = "Refused";
  }
  const value = { list: [1, 2] };
  const copy = copyWithin(value) as typeof value;
  assertEquals(copy, value);
  assert(copy !== value && copy.list !== value.list);
  assertInstanceOf(copyWithin(new Refused("no")), Refused);
  assertThrows(() => copyWithin(new SharedArrayBuffer(8)), DOMException, "does not go through a channel");
});

Deno.test("two cells beside each other have nothing of each other", () => {
  const [, one] = fourIsolates();
  const cell = one.heap.allocate(0) >> 2;
  writeCell(one, one.values, cell + CELL_WORDS, "twelve chars");
  writeCell(one, one.values, cell, "other twelve");
  assertEquals(takeCell(one, one.values, cell + CELL_WORDS), "twelve chars");
  assertEquals(takeCell(one, one.values, cell), "other twelve");
});
