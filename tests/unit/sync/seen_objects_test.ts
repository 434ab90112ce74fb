import { assertEquals } from "@std/assert";
import { OBJECTS_LOCK } from "../../../scheduler/arena/layout/header.ts";
import { O_FIRST_QUEUE } from "../../../scheduler/arena/layout/object.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import { CHANNEL, MUTEX, RW_MUTEX, type Shareable } from "../../../scheduler/sync/handles.ts";
import { Mutex } from "../../../scheduler/sync/mutex.ts";
import { RWMutex } from "../../../scheduler/sync/rw_mutex.ts";
import { SeenObjects } from "../../../scheduler/sync/seen_objects.ts";
import { fourIsolates } from "../../support/isolates.ts";

/** A mutex that isolate 1 holds and waits for. */
async function contended() {
  const isolates = fourIsolates();
  const [, one] = isolates;
  const mutex = new Mutex({ [Symbol.for("heddle.home")]: one } as never);
  await mutex.lock();
  void mutex.lock();
  const object = (mutex[HANDLE] as Shareable).share();
  return { isolates, mutex, object };
}

Deno.test("a mutex that has come to the arena is seen with its holder and who waits", async () => {
  const { isolates: [host], object } = await contended();
  const seen = new SeenObjects(host.arena);
  assertEquals(seen.see(), [{
    number: object >> 4,
    kind: MUTEX,
    isEnded: false,
    count: 0,
    limit: 0,
    holders: [[1, 1]],
    waits: [{ isolate: 1, queue: O_FIRST_QUEUE, demand: 0, isInSelect: false, count: 1 }],
  }]);
  assertEquals(seen.unstable, 0);
});

Deno.test("an object where somebody is inside is left out and counted, and not waited for", async () => {
  const { isolates: [host, one], object } = await contended();
  const seen = new SeenObjects(host.arena);
  one.objectLocks.lock(object);
  assertEquals([seen.see(), seen.unstable], [[], 1]);
  one.objectLocks.unlock(object);
  assertEquals([seen.see().length, seen.unstable], [1, 0]);
  one.objectLocks.lock(OBJECTS_LOCK);
  assertEquals([seen.see(), seen.unstable], [[], 1]);
  one.objectLocks.unlock(OBJECTS_LOCK);
});

Deno.test("an object that is not complete is passed over", () => {
  const [host, one] = fourIsolates();
  const object = one.handles.create(CHANNEL, 0);
  const seen = new SeenObjects(host.arena);
  assertEquals([seen.see(), seen.unstable], [[], 0]);
  one.objectLocks.appear(object);
  assertEquals(seen.see().map(({ kind }) => kind), [CHANNEL]);
});

Deno.test("all that read are holders of a lock", async () => {
  const [host, one] = fourIsolates();
  const lock = new RWMutex({ [Symbol.for("heddle.home")]: one } as never);
  const seen = new SeenObjects(host.arena);
  assertEquals(seen.see().map(({ holders }) => holders), [[]]);
  await lock.readLock();
  await lock.readLock();
  assertEquals(seen.see().map(({ kind, holders }) => [kind, holders]), [[RW_MUTEX, [[1, 2]]]]);
});
