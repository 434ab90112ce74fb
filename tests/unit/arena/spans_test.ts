import { assert, assertEquals, assertThrows } from "@std/assert";
import { Heap, offsetOf } from "../../../scheduler/arena/heap.ts";
import { Arena, HEAP_GRANTS, leastArenaBytes, M_SPAN } from "../../../scheduler/arena/memory_layout.ts";
import { spanAt, Spans, UNIT } from "../../../scheduler/arena/spans.ts";
import { hammer } from "../../support/hammers/hammer.ts";

/** With a heap of so many whole units, and a little. */
function make(units: number) {
  const bytes = leastArenaBytes(16, 2) - (1 << 20) + units * UNIT + 640;
  return new Arena({ maxTasks: 16, maxThreads: 2, bytes });
}

function bits(arena: Arena): number {
  let count = 0;
  for (let word = 0; word < 1024; word++) {
    for (let bits = arena.i32[arena.spans + word]; bits !== 0; bits &= bits - 1) count++;
  }
  return count;
}

Deno.test("spans lie within the heap, do not overlap, and are as many as there is room for", () => {
  const arena = make(100);
  const spans = new Spans(arena, 0);
  const taken: [from: number, to: number][] = [];
  for (const units of [1, 40, 2, 31, 1, 25]) {
    const reference = spans.allocate(units * UNIT - 7);
    assert(reference < 0);
    const at = spanAt(arena, reference);
    assertEquals(at % 8, 0);
    taken.push([at, at + units * UNIT]);
  }
  taken.sort(([a], [b]) => a - b);
  assert(taken[0][0] >= arena.heapAt);
  assertEquals(taken.at(-1)![1], arena.shape.bytes);
  for (let i = 1; i < taken.length; i++) assert(taken[i - 1][1] <= taken[i][0]);
  assertEquals([bits(arena), spans.allocate(1)], [100, 0]);
});

Deno.test("freed spans serve again, alone and joined with their neighbours, whatever words of the map they lie in", () => {
  const arena = make(96);
  const spans = new Spans(arena, 0);
  const small = Array.from({ length: 96 }, () => spans.allocate(UNIT));
  assertEquals([new Set(small).size, spans.allocate(1)], [96, 0]);
  // Of three words: their ends and the one between them.
  for (const reference of small.slice(20, 80)) spans.free(reference);
  assertEquals([spans.allocate(61 * UNIT), bits(arena)], [0, 36]);
  const large = spans.allocate(60 * UNIT);
  assert(large < 0);
  assertEquals([spanAt(arena, large), spans.allocate(1)], [spanAt(arena, small[79]), 0]);
  spans.free(large);
  for (const reference of [...small.slice(0, 20), ...small.slice(80)]) spans.free(reference);
  assertEquals(bits(arena), 0);
  assert(spans.allocate(96 * UNIT) < 0);
});

Deno.test("a span that is freed twice is a broken invariant", () => {
  const spans = new Spans(make(4), 0);
  const reference = spans.allocate(UNIT);
  spans.free(reference);
  assertThrows(() => spans.free(reference), Error, "freed twice");
});

Deno.test("blocks and spans never meet, and who comes first has the room", () => {
  const arena = make(10);
  const [heap, spans] = [new Heap(arena, 0), new Spans(arena, 1)];
  assert(spans.allocate(6 * UNIT) < 0);
  // Four units and a little: 64 KiB is class 10.
  const blocks = Array.from({ length: 5 }, () => heap.allocate(10));
  assertEquals(blocks.map((block) => block !== 0), [true, true, true, true, false]);
  assert(blocks[3] + UNIT <= arena.shape.bytes - 6 * UNIT);
  assertEquals([spans.allocate(1), arena.i32[HEAP_GRANTS]], [0, 6 << 16 | 4]);
  // What is left of the blocks' part.
  assert(heap.allocate(3) !== 0);
  heap.free(blocks[0], 10);
  assertEquals([spans.allocate(1), heap.allocate(10)], [0, blocks[0]]);
});

Deno.test("a heap without a whole unit has blocks only", () => {
  const arena = make(0);
  assertEquals(new Spans(arena, 0).allocate(1), 0);
  assert(new Heap(arena, 0).allocate(0) !== 0);
});

Deno.test("a payload lies in a span with its pieces where they are to be, and is gone once it was taken", () => {
  const arena = make(40);
  const heap = new Heap(arena, 1);
  const piece = new Uint8Array(100_000).fill(3);
  const reference = heap.place({
    bytes: Uint8Array.of(1, 2),
    bulk: [{ at: 8, bytes: piece }, { at: 100_008, bytes: piece }],
    size: 200_008,
  });
  assertEquals(bits(arena), 4);
  const at = offsetOf(arena, reference);
  assertEquals([...arena.u8.subarray(at, at + 2)], [1, 2]);
  assert(arena.u8.subarray(at + 8, at + 200_008).every((byte) => byte === 3));
  const held = arena.isolate(1) + M_SPAN;
  assertEquals(arena.i32[held], 0);
  assertThrows(
    () =>
      heap.take(reference, () => {
        assertEquals(arena.i32[held], reference);
        throw new Error("unreadable");
      }),
    Error,
    "unreadable",
  );
  assertEquals([arena.i32[held], bits(arena)], [0, 0]);
});

Deno.test("the span that a dead isolate had in its hands is freed, once, and one that others know of is not", () => {
  const arena = make(8);
  const [dead, host] = [new Spans(arena, 1), new Heap(arena, 0)];
  const [known, filling] = [dead.allocate(2 * UNIT), dead.allocate(3 * UNIT)];
  dead.keep(known);
  dead.letGo();
  dead.keep(filling);
  host.bury(1);
  assertEquals(bits(arena), 2);
  host.bury(1);
  host.release(known);
  assertEquals(bits(arena), 0);
});

Deno.test("three threads never have one unit at once, and nothing is left", async () => {
  const arena = make(70);
  const words = new Int32Array(new SharedArrayBuffer(4 * 64));
  words[4] = 3000;
  await hammer("./spans.ts", arena, words.buffer, ["a", "b", "c"]);
  assertEquals(words[2], 0, "a span was written to while another thread had it");
  assert(words[5] > 0, "no span changed hands");
  assertEquals(bits(arena), 0);
});
