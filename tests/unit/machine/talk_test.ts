import { assertEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import { Talk } from "../../../scheduler/machine/talk.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";

const DEFINITION = 2;
const channel = { [HANDLE]: undefined };

function setUp() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  const times = new RunTimes(arena);
  let said = 0;
  let ns = 5;
  const talk = new Talk(() => said, times, () => ns);
  return {
    times,
    talk,
    passes: (ms: number) => ns += ms * 1e6,
    /** A task that lives for so long, while so many operations are done. Returns what is known then. */
    lives(ms: number, operations: number, args: readonly unknown[] = [channel]) {
      const kept = talk.began(args);
      ns += ms * 1e6;
      said += operations;
      talk.ended(kept, DEFINITION);
      return times.talk(DEFINITION);
    },
  };
}

/** What is made of the first 100 ms, which V8 compiles. */
const COLD_TIMES = 8;

Deno.test("what a task with channels or locks says is measured, wherever in its arguments they are", () => {
  for (const args of [[channel], [1, channel], [[channel]], [{ to: channel }]]) {
    assertEquals(setUp().lives(80, 1000, args), 80 / COLD_TIMES);
  }
  for (const args of [[], [1, "a", null], [[1]], [{ to: 1 }]]) assertEquals(setUp().lives(80, 1000, args), 0);
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
  assertEquals(setUp().lives(20, 10), 2000 / COLD_TIMES);
});

Deno.test("a definition is taken for faster than it was until this thread has run it for a while", () => {
  const { times, lives } = setUp();
  assertEquals(lives(160, 1000), 160 / COLD_TIMES);
  times.talked(DEFINITION, 1);
  for (let i = 0; i < 10; i++) lives(160, 1000);
  assertEquals(times.talk(DEFINITION) > 80, true);
});

Deno.test("what it takes to look around and to sleep is nobody's work, whoever ends meanwhile", () => {
  const { times, talk, passes } = setUp();
  const [one, other] = [talk.began([channel]), talk.began([channel])];
  passes(5);
  talk.rests();
  passes(1000);
  talk.ended(one, DEFINITION);
  passes(1000);
  talk.rests();
  passes(1000);
  talk.worksOn();
  passes(3);
  talk.worksOn();
  passes(4);
  talk.ended(other, DEFINITION);
  assertEquals(times.talk(DEFINITION), 12_000 / COLD_TIMES);
});

Deno.test("what says more counts at once, and what says less by an eighth, up to twice as much", () => {
  const { times } = setUp();
  const known = (us: number) => (times.talked(DEFINITION, us), times.talk(DEFINITION));
  assertEquals([80, 10, 90, 90, 1, 4, 9000, 9000].map(known), [80, 10, 20, 28, 1, 1, 2, 4]);
});
