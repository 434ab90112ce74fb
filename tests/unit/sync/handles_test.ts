import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { HANDLE, type Handle } from "../../../scheduler/codec/handle.ts";
import { Refusal } from "../../../scheduler/codec/refusal.ts";
import { HEAP_TOP, OBJECTS_FIRST, OBJECTS_LOCK } from "../../../scheduler/arena/layout/header.ts";
import {
  C_CAPACITY,
  C_COUNT,
  C_HEAD,
  CELL_WORDS,
  O_IN_FLIGHT,
  O_ISOLATES,
  O_KIND,
  O_NEXT,
} from "../../../scheduler/arena/layout/object.ts";
import { Channel } from "../../../scheduler/sync/channel.ts";
import { writeCell } from "../../../scheduler/sync/cell.ts";
import { CHANNEL, MUTEX } from "../../../scheduler/sync/handles.ts";
import type { Isolate } from "../../../scheduler/sync/isolate.ts";
import { fourIsolates } from "../../support/isolates.ts";

function objects({ words }: Isolate): number[] {
  const list: number[] = [];
  for (let object = words[OBJECTS_FIRST]; object !== 0; object = words[object + O_NEXT]) list.push(object);
  return list;
}

/** The collector takes none of these: an isolate that has died hears of no collection. */
const kept: Handle[] = [];

/** Of an object that the isolate made. */
function made(isolate: Isolate): [object: number, handle: Handle] {
  const object = isolate.handles.create(CHANNEL, 0);
  const handle: Handle = { [HANDLE]: { isolate, share: () => object } };
  isolate.handles.adopt(object, handle);
  kept.push(handle);
  return [object, handle];
}

Deno.test("a new object is its maker's alone, with nothing on its way, and in the list of all", () => {
  const [, one, other] = fourIsolates();
  const [first, second] = [one.handles.create(CHANNEL, 4), other.handles.create(MUTEX, 0)];
  const { words } = one;
  assertEquals([words[first + O_KIND], words[second + O_KIND]], [CHANNEL, MUTEX]);
  assertEquals([words[first + O_ISOLATES], words[second + O_ISOLATES]], [1 << 1, 1 << 2]);
  assertEquals([words[first + O_IN_FLIGHT], objects(one)], [0, [second, first]]);
});

Deno.test("a reference is on its way until it arrives, and what arrives twice is one handle", () => {
  const [, one, other] = fourIsolates();
  const [object, handle] = made(one);
  const { words } = one;
  for (let i = 0; i < 3; i++) one.handles.depart(object);
  assertEquals([words[object + O_IN_FLIGHT], one.handles.departures], [3, 3]);
  assertStrictEquals(one.handles.arrive(object), handle);
  const arrived = other.handles.arrive(object);
  assertNotStrictEquals(arrived, handle);
  assertStrictEquals(other.handles.arrive(object), arrived);
  assert(arrived instanceof Channel);
  assertEquals([words[object + O_IN_FLIGHT], words[object + O_ISOLATES]], [0, 1 << 1 | 1 << 2]);
  assertEquals([one.handles.count, other.handles.count], [1, 1]);
});

Deno.test("a handle is shared by the isolate whose it is, and by no other scheduler's", () => {
  const [, one] = fourIsolates();
  const [, stranger] = fourIsolates();
  const [object, handle] = made(one);
  assertEquals(one.handles.share(handle), object);
  assertThrows(
    () => {
      try {
        stranger.handles.share(handle);
      } catch (error) {
        throw error instanceof Refusal ? new TypeError(error.reason) : error;
      }
    },
    TypeError,
    "another scheduler",
  );
});

Deno.test("a handle of a kind that nobody can make does not arrive", () => {
  const [, one, other] = fourIsolates();
  const object = one.handles.create(99, 0);
  one.handles.depart(object);
  assertThrows(() => other.handles.arrive(object), Error, "kind 99");
});

Deno.test("an object that comes to nothing leaves the list, wherever it was in that, and its memory is used again", () => {
  for (const leaving of [0, 1, 2]) {
    const [, one] = fourIsolates();
    const all = [0, 1, 2].map(() => one.handles.create(CHANNEL, 0));
    one.handles.abandon(all[leaving]);
    assertEquals(objects(one), all.filter((_, i) => i !== leaving).reverse());
    const again = one.handles.create(CHANNEL, 0);
    assertEquals(again, all[leaving]);
    for (const object of all) if (object !== again) one.handles.abandon(object);
    assertEquals(objects(one), [again]);
  }
});

Deno.test("an object that is freed frees the values in it", () => {
  const [, one] = fourIsolates();
  const { handles, words } = one;
  const round = () => {
    const object = handles.create(CHANNEL, 2 * CELL_WORDS);
    writeCell(one, one.values, object + handles.bodyAt + CELL_WORDS, "x".repeat(1000));
    words[object + C_CAPACITY] = 2;
    words[object + C_HEAD] = words[object + C_COUNT] = 1;
    handles.abandon(object);
  };
  round();
  const top = words[HEAP_TOP];
  for (let i = 0; i < 100; i++) round();
  assertEquals(words[HEAP_TOP], top);
});

Deno.test("what a dead isolate alone had is freed, unless a reference is on its way, and the rest stays", () => {
  const [host, one, other] = fourIsolates();
  const [alone] = made(one);
  const [sent] = made(one);
  one.handles.depart(sent);
  const [both] = made(one);
  one.handles.depart(both);
  other.handles.arrive(both);
  const seen: number[] = [];
  host.handles.bury(1, (object) => seen.push(object));
  assertEquals(seen, [both, sent, alone]);
  assertEquals(objects(host), [both, sent]);
  assertEquals([host.words[both + O_ISOLATES], host.words[sent + O_ISOLATES]], [1 << 2, 0]);
});

Deno.test("the locks that a dead isolate had are broken, of an object and of the list", () => {
  const [host, one, other] = fourIsolates();
  const [object] = made(one);
  other.handles.depart(object);
  one.objectLocks.lock(object);
  one.objectLocks.lock(OBJECTS_LOCK);
  host.handles.bury(1, () => {});
  other.objectLocks.lock(object);
  assertEquals([host.words[object], host.words[OBJECTS_LOCK]], [3, 0]);
});

Deno.test("an object larger than any block is refused", () => {
  const [, one] = fourIsolates();
  assertThrows(() => one.handles.create(CHANNEL, 1 << 24), RangeError, "is full");
  assertEquals(objects(one), []);
});
