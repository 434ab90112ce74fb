import { assertEquals, assertThrows } from "@std/assert";
import { HEAP_TOP, OBJECTS_LOCK } from "../../../scheduler/arena/layout/header.ts";
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
    name: undefined,
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

Deno.test("a name is seen with its object, cut where it has no room, and freed with it", async () => {
  const { isolates: [host, one] } = await contended();
  const make = (name: string) => {
    const lock = new RWMutex({ [Symbol.for("heddle.home")]: one } as never, { name });
    return (lock[HANDLE] as Shareable).share();
  };
  const seen = () => new SeenObjects(host.arena).see().map(({ name }) => name);
  const made = ["accounts", "ü".repeat(40)].map(make);
  assertEquals(seen(), ["ü".repeat(30), "accounts", undefined]);
  for (const object of made) one.handles.abandon(object);
  assertEquals(seen(), [undefined]);
  const top = one.words[HEAP_TOP];
  for (let i = 0; i < 1000; i++) one.handles.abandon(make("again"));
  assertEquals(one.words[HEAP_TOP], top);
});

Deno.test("a name that is no string is refused, as is any other option", () => {
  const [, one] = fourIsolates();
  const home = { [Symbol.for("heddle.home")]: one } as never;
  assertThrows(
    () => new RWMutex(home, { name: 5 as never }),
    TypeError,
    "new RWMutex: name is 5: give a string",
  );
  assertThrows(() => new Mutex(home, { nam: "x" } as never), TypeError, 'did you mean "name"?');
});
