import { assert, assertEquals, assertGreater } from "@std/assert";
import { GlobalRunQueue } from "../../../scheduler/queues/global_run_queue.ts";
import { LocalRunQueue } from "../../../scheduler/queues/local_run_queue.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { P_HEAD, P_TAIL, RING_SIZE } from "../../../scheduler/arena/layout/p.ts";
import { hammer } from "../../support/hammers/hammer.ts";

function make(maxTasks = 4096) {
  const arena = new Arena({ maxTasks, maxThreads: 4, bytes: leastArenaBytes(maxTasks, 4) });
  const global = new GlobalRunQueue(arena);
  const local = new LocalRunQueue(arena, global);
  const popAll = (p: number) => {
    const all: number[] = [];
    for (let slot = local.pop(p); slot >= 0; slot = local.pop(p)) all.push(slot);
    return all;
  };
  const popGlobal = () => {
    const all: number[] = [];
    while (global.pop(1000, (entry) => all.push(entry)) > 0);
    return all;
  };
  /** As if this many had been through the ring before. */
  const startAt = (p: number, position: number) => {
    arena.i32[arena.processor(p) + P_HEAD] = position;
    arena.i32[arena.processor(p) + P_TAIL] = position;
  };
  return { arena, global, local, popAll, popGlobal, startAt };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

Deno.test("a local ring gives back what was pushed, oldest first", () => {
  const { local, popAll } = make();
  assert(local.isEmpty(0));
  for (const slot of range(0, 100)) local.push(0, slot);
  assert(!local.isEmpty(0));
  assert(local.isEmpty(1));
  assertEquals(popAll(0), range(0, 100));
  assert(local.isEmpty(0));
  assertEquals(local.pop(0), -1);
});

Deno.test("runnext comes before the ring, and what it replaces goes there", () => {
  const { local, popAll } = make();
  local.push(0, 10);
  local.pushNext(0, 0);
  assert(!local.isEmpty(0));
  local.pushNext(0, 20);
  assertEquals(popAll(0), [20, 10, 0]);
});

Deno.test("a full local ring moves its older half and the new entry to the global queue", () => {
  const { local, popAll, popGlobal } = make();
  for (const slot of range(0, RING_SIZE)) local.push(0, slot);
  assertEquals(popGlobal(), []);
  local.push(0, RING_SIZE);
  assertEquals(popGlobal(), [...range(0, RING_SIZE / 2), RING_SIZE]);
  assertEquals(popAll(0), range(RING_SIZE / 2, RING_SIZE));
});

Deno.test("a thief takes the older half of a ring, and one of it to run", () => {
  const { local, popAll } = make();
  for (const slot of range(0, 9)) local.push(0, slot);
  const first = local.steal(0, 1, false);
  assertEquals([...popAll(1), first].sort((a, b) => a - b), range(0, 5));
  assertEquals(popAll(0), range(5, 9));
  assertEquals(local.steal(0, 1, true), -1);
});

Deno.test("a thief takes runnext only if it may, and only from an empty ring", () => {
  const { local } = make();
  local.pushNext(0, 7);
  assertEquals(local.steal(0, 1, false), -1);
  local.push(0, 8);
  assertEquals(local.steal(0, 1, true), 8);
  assertEquals(local.steal(0, 1, true), 7);
  assertEquals(local.steal(0, 1, true), -1);
  assert(local.isEmpty(0));
});

for (const position of [2 ** 31 - 5, -3]) {
  Deno.test(`a local ring whose positions pass ${position === -3 ? 0 : "2^31"} loses nothing`, () => {
    const { local, popAll, popGlobal, startAt } = make();
    startAt(0, position);
    startAt(1, position);
    for (const slot of range(0, 20)) local.push(0, slot);
    assertEquals(local.pop(0), 0);
    const stolen = local.steal(0, 1, false);
    const all = [stolen, ...popAll(1), ...popAll(0)].sort((a, b) => a - b);
    assertEquals(all, range(1, 20));

    startAt(0, position);
    for (const slot of range(0, RING_SIZE + 1)) local.push(0, slot);
    const rest = [...popGlobal(), ...popAll(0)].sort((a, b) => a - b);
    assertEquals(rest, range(0, RING_SIZE + 1));
  });
}

Deno.test("a P that is given up leaves everything to the global queue", () => {
  const { local, popGlobal } = make();
  for (const slot of range(0, 10)) local.push(0, slot);
  local.pushNext(0, 10);
  local.moveToGlobal(0);
  assert(local.isEmpty(0));
  assertEquals(popGlobal(), [10, ...range(0, 10)]);
});

for (const position of [0, 2 ** 31 - 50_000]) {
  Deno.test(`an owner and two thieves get every entry of a ring once, from position ${position}`, async () => {
    const entries = 200_000;
    const { arena, popGlobal, popAll, startAt } = make(entries);
    for (const p of [0, 1, 2]) startAt(p, position);
    const words = new Int32Array(new SharedArrayBuffer(4 * (8 + entries)));
    words[4] = entries;
    await hammer("./local_run_queue.ts", arena, words.buffer, ["owner", "thief", "thief"]);
    assertGreater(words[3], 0, "nothing was stolen");
    const left = [...popGlobal(), ...[0, 1, 2].flatMap(popAll)];
    for (const entry of left) words[8 + entry]++;
    const counts = words.subarray(8);
    assertEquals(counts.findIndex((count) => count !== 1), -1);
  });
}
