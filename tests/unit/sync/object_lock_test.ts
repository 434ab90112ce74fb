import { assertEquals } from "@std/assert";
import { Arena, leastArenaBytes, M_LOCKS } from "../../../scheduler/arena/memory_layout.ts";
import { Locks } from "../../../scheduler/parking/locks.ts";
import { ObjectLocks } from "../../../scheduler/sync/object_lock.ts";

const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
const words = arena.i32;
const object = words.length - 16;

function locksOf(isolate: number, yieldCpu: () => number = () => 0): ObjectLocks {
  return new ObjectLocks(words, isolate, new Locks(arena, isolate), { yieldCpu });
}

Deno.test("an object's lock says who is inside, and who is inside is not frozen", () => {
  const locks = locksOf(1);
  const count = () => words[arena.isolate(1) + M_LOCKS] & 0xff;
  locks.lock(object);
  assertEquals([words[object], count()], [2, 1]);
  locks.unlock(object);
  assertEquals([words[object], count()], [0, 0]);
});

Deno.test("who finds an object locked offers its CPU until the lock is free", () => {
  const first = locksOf(1);
  let offers = 0;
  const second = locksOf(2, () => {
    if (++offers === 3) first.unlock(object);
    return 0;
  });
  first.lock(object);
  second.lock(object);
  assertEquals([offers, words[object]], [3, 3]);
  second.unlock(object);
});

Deno.test("only a dead isolate's lock is broken", () => {
  locksOf(1).lock(object);
  const host = locksOf(0);
  host.breakLock(object, 2);
  assertEquals(words[object], 2);
  host.breakLock(object, 1);
  assertEquals(words[object], 0);
});
