import { assert, assertEquals, assertThrows } from "@std/assert";
import { GlobalRunQueue } from "../../../scheduler/queues/global_run_queue.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { GLOBAL_HEAD, GLOBAL_TAIL } from "../../../scheduler/arena/layout/header.ts";
import { hammer } from "../../support/hammers/hammer.ts";

function make(position = 0) {
  const arena = new Arena({ maxTasks: 100, maxThreads: 1, bytes: leastArenaBytes(100, 1) });
  startAt(arena, position);
  const queue = new GlobalRunQueue(arena);
  const pop = (most: number) => {
    const batch: number[] = [];
    assertEquals(queue.pop(most, (entry) => batch.push(entry)), batch.length);
    return batch;
  };
  return { arena, queue, pop };
}

/** As if this many had been through the queue before. */
function startAt({ i32, globalCapacity, globalCells }: Arena, position: number): void {
  i32[GLOBAL_HEAD] = position;
  i32[GLOBAL_TAIL] = position;
  const mask = globalCapacity - 1;
  const round = position & ~mask;
  for (let i = 0; i < globalCapacity; i++) {
    i32[globalCells + i * 2] = i < (position & mask) ? round + globalCapacity : round;
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

for (const position of [0, 2 ** 31 - 300, -300]) {
  const at = `from position ${position}`;

  Deno.test(`the global queue gives batches, oldest first, ${at}`, () => {
    const { queue, pop, arena } = make(position);
    assert(queue.isEmpty());
    assertEquals(pop(10), []);
    for (let round = 0; round < 60; round++) {
      for (const entry of range(0, 100)) queue.push(entry);
      assertEquals(queue.length, 100);
      assert(!queue.isEmpty());
      assertEquals(pop(1), [0]);
      assertEquals(pop(60), range(1, 61));
      assertEquals(pop(60), range(61, 100));
      assertEquals(pop(60), []);
      assertEquals(queue.length, 0);
    }
    assert(60 * 100 > 2 * arena.globalCapacity, "went round twice");
  });

  Deno.test(`a note in the global queue ends a batch, and is one by itself, ${at}`, () => {
    const { queue, pop } = make(position);
    for (const entry of [1, 2, -3, -4, 5, -6]) queue.push(entry);
    assertEquals(pop(10), [1, 2]);
    assertEquals(pop(10), [-3]);
    assertEquals(pop(10), [-4]);
    assertEquals(pop(10), [5]);
    assertEquals(pop(10), [-6]);
    assertEquals(pop(10), []);
  });

  Deno.test(`one entry more than the global queue holds is a broken invariant, and says so, ${at}`, () => {
    const { queue, pop, arena } = make(position);
    for (const entry of range(0, arena.globalCapacity)) queue.push(entry);
    assertThrows(() => queue.push(1), Error, "the global run queue is full");
    assertEquals(pop(arena.globalCapacity).length, arena.globalCapacity);
  });
}

Deno.test("the global queue's capacity covers every slot and every thread", () => {
  for (const [maxTasks, maxThreads] of [[1, 2], [100, 1], [65536, 64], [2 ** 20, 128]]) {
    const bytes = leastArenaBytes(maxTasks, maxThreads);
    const arena = new Arena({ maxTasks, maxThreads, bytes }, new SharedArrayBuffer(8));
    assert(arena.globalCapacity > arena.slots + maxThreads);
    assertEquals(arena.globalCapacity & (arena.globalCapacity - 1), 0);
  }
});

for (const roles of [["producer", "producer", "consumer"], ["producer", "consumer", "consumer"]]) {
  for (const position of [0, 2 ** 31 - 40_000]) {
    Deno.test(`${roles.join(", ")}: each entry arrives once and in order, from position ${position}`, async () => {
      const { arena } = make(position);
      const each = 100_000;
      const producers = roles.filter((role) => role === "producer").length;
      const words = new Int32Array(new SharedArrayBuffer(4 * (8 + producers * each)));
      words[4] = each;
      words[6] = producers;
      await hammer("./global_run_queue.ts", arena, words.buffer, roles);
      assertEquals(words[3], producers * each);
      assertEquals(words[5], 0, "an entry overtook another one, or a batch went on after a note");
      assertEquals(words.subarray(8).findIndex((count) => count !== 1), -1);
      assert(new GlobalRunQueue(arena).isEmpty());
    });
  }
}
