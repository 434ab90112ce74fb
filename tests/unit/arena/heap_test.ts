import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  BLOCK_CLASSES,
  blockClass,
  Heap,
  LARGEST_BLOCK,
  LEAST_BLOCK,
} from "../../../scheduler/arena/heap.ts";
import { Arena, HEAP_TOP, leastArenaBytes } from "../../../scheduler/arena/memory_layout.ts";
import { hammer } from "../../support/hammers/hammer.ts";

function make(heapBytes = 1 << 20) {
  const bytes = leastArenaBytes(16, 2) - (1 << 20) + heapBytes;
  return new Arena({ maxTasks: 16, maxThreads: 2, bytes });
}

Deno.test("the class of a block is the smallest that takes the bytes", () => {
  for (let sizeClass = 0; sizeClass < BLOCK_CLASSES; sizeClass++) {
    assertEquals(blockClass(LEAST_BLOCK << sizeClass), sizeClass);
    if (sizeClass > 0) assertEquals(blockClass((LEAST_BLOCK << sizeClass - 1) + 1), sizeClass);
  }
  assertEquals(blockClass(0), 0);
  assertEquals(blockClass(LARGEST_BLOCK), BLOCK_CLASSES - 1);
});

Deno.test("blocks of all classes lie within the heap and do not overlap", () => {
  const arena = make(4 << 20);
  const heap = new Heap(arena, 0);
  const blocks: [from: number, to: number][] = [];
  for (let i = 0; i < 5; i++) {
    for (let sizeClass = 0; sizeClass < 10; sizeClass++) {
      const at = heap.allocate(sizeClass);
      assert(at > 0 && at % 4 === 0);
      blocks.push([at, at + (LEAST_BLOCK << sizeClass)]);
    }
  }
  blocks.sort(([a], [b]) => a - b);
  assert(blocks[0][0] >= arena.heapAt);
  assert(blocks.at(-1)![1] <= arena.shape.bytes);
  for (let i = 1; i < blocks.length; i++) assert(blocks[i - 1][1] <= blocks[i][0]);
});

Deno.test("a full heap refuses, without losing what a smaller block still can have", () => {
  const arena = make(1 << 20);
  const heap = new Heap(arena, 0);
  assertGreater(heap.allocate(13), 0);
  assertEquals(heap.allocate(14), 0);
  assertGreater(heap.allocate(13), 0);
  assertEquals(heap.allocate(0), 0);
});

Deno.test("freed blocks serve again, in this isolate and in others", () => {
  const arena = make(1 << 20);
  const [one, other] = [new Heap(arena, 0), new Heap(arena, 0)];
  const blocks: number[] = [];
  for (let at = one.allocate(4); at !== 0; at = one.allocate(4)) blocks.push(at);
  assertEquals(blocks.length, 1024);
  assertEquals(other.allocate(4), 0);
  for (const block of blocks) one.free(block, 4);
  const top = arena.i32[HEAP_TOP];
  const again = new Set<number>();
  for (let at = other.allocate(4); at !== 0; at = other.allocate(4)) again.add(at);
  for (let at = one.allocate(4); at !== 0; at = one.allocate(4)) again.add(at);
  assertEquals(again, new Set(blocks));
  assertEquals(arena.i32[HEAP_TOP], top);
});

Deno.test("three threads never have one block at once", async () => {
  const arena = make(1 << 19);
  const words = new Int32Array(new SharedArrayBuffer(4 * 64));
  words[4] = 60_000;
  await hammer("./heap.ts", arena, words.buffer, ["a", "b", "c"]);
  assertEquals(words[2], 0, "a block was written to while another thread had it");
  assertGreater(words[5], 0, "no block changed hands");
});
