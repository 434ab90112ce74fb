import { assertEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import { Talk } from "../../../scheduler/machine/talk.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";
import type { Isolate } from "../../../scheduler/sync/isolate.ts";

const DEFINITION = 2;
const channel = { [HANDLE]: undefined };

function setUp() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  const times = new RunTimes(arena);
  const home = { operations: 0 };
  let ns = 5;
  const talk = new Talk(home as Isolate, times, () => ns);
  return {
    times,
    /** A task that lives for so long, while so many operations are done. Returns what is known then. */
    lives(ms: number, operations: number, args: readonly unknown[] = [channel]) {
      const kept = talk.began(args);
      ns += ms * 1e6;
      home.operations += operations;
      talk.ended(kept, DEFINITION);
      return times.talk(DEFINITION);
    },
  };
}

Deno.test("what a task with channels or locks says is measured, wherever in its arguments they are", () => {
  for (const args of [[channel], [1, channel], [[channel]], [{ to: channel }]]) {
    assertEquals(setUp().lives(20, 1000, args), 20);
  }
  for (const args of [[], [1, "a", null], [[1]], [{ to: 1 }]]) assertEquals(setUp().lives(20, 1000, args), 0);
});

Deno.test("the first conversations are measured, and then one in sixteen", () => {
  const { times, lives } = setUp();
  const measured = Array.from({ length: 160 }, (_, i) => {
    times.talked(DEFINITION, 1);
    return lives(90, 1000) !== 1 ? i + 1 : 0;
  });
  assertEquals(measured.filter((n) => n !== 0).slice(15), [16, 32, 48, 64, 80, 96, 112, 128, 144, 160]);
});

Deno.test("few operations in a short time tell nothing, and few in a long one do", () => {
  assertEquals(setUp().lives(0, 10), 0);
  assertEquals(setUp().lives(20, 10), 2000);
});

Deno.test("what says more counts at once, and what says less by an eighth", () => {
  const { times } = setUp();
  const known = (us: number) => (times.talked(DEFINITION, us), times.talk(DEFINITION));
  assertEquals([80, 10, 90, 90, 1].map(known), [80, 10, 20, 28, 1]);
});
