import { assert, assertEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import type { Agenda } from "../../../scheduler/machine/agenda.ts";
import { Talk } from "../../../scheduler/machine/talk.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";
import type { Isolate } from "../../../scheduler/sync/isolate.ts";

const DEFINITION = 2;
const channel = { [HANDLE]: undefined };

function setUp() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  const times = new RunTimes(arena);
  const home = { operations: 0 };
  const agenda = { parked: 0 };
  const talk = new Talk(home as Isolate, agenda as Agenda, times);
  return {
    times,
    home,
    agenda,
    /** A task that lives for so long, while so many operations are done. Returns what is known then. */
    lives(ms: number, operations: number, args: readonly unknown[] = [channel]) {
      const kept = talk.began(args);
      const end = performance.now() + ms;
      while (performance.now() < end);
      home.operations += operations;
      talk.ended(kept, DEFINITION);
      return times.talk(DEFINITION);
    },
  };
}

Deno.test("what a task with channels or locks says is measured, wherever in its arguments they are", () => {
  for (const args of [[channel], [1, channel], [[channel]], [{ to: channel }]]) {
    const us = setUp().lives(20, 1000, args);
    assert(us >= 20, `${us} us`);
  }
  for (const args of [[], [1, "a", null], [[1]], [{ to: 1 }]]) assertEquals(setUp().lives(20, 1000, args), 0);
});

Deno.test("no time goes by while the thread is parked", () => {
  const { agenda, home, times } = setUp();
  const talk = new Talk(home as Isolate, agenda as Agenda, times);
  const kept = talk.began([channel]);
  const begun = performance.now();
  while (performance.now() < begun + 20);
  agenda.parked += performance.now() - begun;
  home.operations += 1000;
  talk.ended(kept, DEFINITION);
  assert(times.talk(DEFINITION) < 20);
});

Deno.test("few operations in a short time tell nothing, and few in a long one do", () => {
  assertEquals(setUp().lives(0, 10), 0);
  assert(setUp().lives(20, 10) >= 2000);
});

Deno.test("what says more counts at once, and what says less by an eighth", () => {
  const { times } = setUp();
  const known = (us: number) => (times.talked(DEFINITION, us), times.talk(DEFINITION));
  assertEquals([80, 10, 90, 90, 1].map(known), [80, 10, 20, 28, 1]);
});
