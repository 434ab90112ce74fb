import { assertEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import { Talk } from "../../../scheduler/machine/talk.ts";
import type { G } from "../../../scheduler/machine/g.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";

const DEFINITION = 2;
/** Of that definition. */
const g = { slot: DEFINITION } as G;
const channel = { [HANDLE]: undefined };

function setUp() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  const times = new RunTimes(arena);
  let said = 0;
  let ns = 5;
  const talk = new Talk(() => said, (g) => g.slot, times, () => ns);
  return {
    times,
    talk,
    passes: (ms: number) => ns += ms * 1e6,
    /** A task that lives for so long, while so many operations are done. Returns what is known then. */
    lives(ms: number, operations: number, args: readonly unknown[] = [channel]) {
      const kept = talk.began(g, args);
      ns += ms * 1e6;
      said += operations;
      talk.ended(g, kept);
      return times.talk(DEFINITION);
    },
  };
}

/** What is guessed is taken for an eighth of what it seems to be, so this is known of 80 ms in which 1000 operations were done. */
const GUESS = 10;

Deno.test("what a task with channels or locks says is measured, wherever in its arguments they are", () => {
  for (const args of [[channel], [1, channel], [[channel]], [{ to: channel }]]) {
    assertEquals(setUp().lives(80, 1000, args), GUESS);
    assertEquals(setUp().lives(200, 1000, args), 200);
  }
  for (const args of [[], [1, "a", null], [[1]], [{ to: 1 }]]) {
    assertEquals(setUp().lives(200, 1000, args), 0);
  }
});

Deno.test("the first conversations are measured, and then one in sixteen", () => {
  const { times, lives } = setUp();
  const measured = Array.from({ length: 160 }, (_, i) => {
    times.talked(DEFINITION, 1);
    return lives(200, 1000) !== 1 ? i + 1 : 0;
  });
  assertEquals(measured.filter((n) => n !== 0).slice(15), [16, 32, 48, 64, 80, 96, 112, 128, 144, 160]);
});

Deno.test("few operations in a short time tell nothing, and few in a long one do", () => {
  assertEquals(setUp().lives(0, 10), 0);
  assertEquals(setUp().lives(200, 10), 20_000);
});

Deno.test("whose conversations say and do little is brief, until one says more", () => {
  const { lives, times } = setUp();
  const life = () => [times.isBrief(DEFINITION), times.livesLong(DEFINITION)];
  assertEquals(life(), [false, false]);
  lives(0, 10);
  assertEquals(life(), [true, false]);
  lives(200, 10);
  assertEquals(life(), [false, true]);
  lives(1, 200);
  assertEquals(life(), [true, false]);
  lives(1, 300);
  assertEquals(life(), [false, true]);
});

Deno.test("nobody is brief who ends while others live on", () => {
  const { talk, times } = setUp();
  const server = { slot: DEFINITION + 1 } as G;
  const [other, one] = [talk.began(server, [channel]), talk.began(g, [channel])];
  talk.ended(g, one);
  assertEquals(times.isBrief(DEFINITION), false);
  talk.ended(server, other);
  assertEquals([times.isBrief(DEFINITION), times.isBrief(DEFINITION + 1)], [true, true]);
});

Deno.test("what is published with channels lives long, unless it was brief before", () => {
  const { lives, times } = setUp();
  times.carriedHandles(DEFINITION);
  assertEquals(times.livesLong(DEFINITION), true);
  lives(0, 10);
  times.carriedHandles(DEFINITION);
  assertEquals(times.isBrief(DEFINITION), true);
});

Deno.test("how a definition talks is a guess until this thread has run it for a while", () => {
  const { lives } = setUp();
  assertEquals([80, 16, 8, 200, 400].map((ms) => lives(ms, 1000)), [10, 2, 8, 16, 32]);
});

Deno.test("what it takes to look around and to sleep is nobody's work, whoever ends meanwhile", () => {
  const { times, talk, passes } = setUp();
  const [one, other] = [talk.began(g, [channel]), talk.began(g, [channel])];
  passes(5);
  talk.rests();
  passes(10);
  talk.ended(g, one);
  passes(10);
  talk.rests();
  passes(10);
  talk.worksOn();
  passes(300);
  talk.worksOn();
  passes(400);
  talk.ended(g, other);
  assertEquals(times.talk(DEFINITION), 705_000);
});

Deno.test("who looks around much while it talks seems to do more between two operations than it does", () => {
  const { talk, passes, lives } = setUp();
  const kept = talk.began(g, [channel]);
  talk.rests();
  passes(100);
  talk.worksOn();
  assertEquals(lives(200, 1000), 25);
  talk.ended(g, kept);
});

Deno.test("what one says as it ends is a guess for who lives on beside it, and for nobody who has ended", () => {
  const { times, talk, lives } = setUp();
  const [server, over, unknown] = [{ slot: 3 }, { slot: 4 }, { slot: -1 }] as G[];
  const kept = [server, over, unknown].map((g) => talk.began(g, [channel]));
  talk.ended(over, kept[1]);
  /** Of so many ends one is looked at. */
  const sixteenth = (ms: number) => {
    for (let i = 0; i < 15; i++) lives(0, 0);
    lives(ms, 1000);
    return [DEFINITION, server.slot, over.slot].map((each) => times.talk(each));
  };
  assertEquals(sixteenth(200), [200, 200, 0]);
  times.talked(server.slot, 300);
  assertEquals(sixteenth(100), [100, 300, 0]);
});

Deno.test("what says more counts at once, and what says less by an eighth, up to twice as much", () => {
  const { times } = setUp();
  const known = (us: number) => (times.talked(DEFINITION, us), times.talk(DEFINITION));
  assertEquals([80, 10, 90, 90, 1, 4, 9000, 9000].map(known), [80, 10, 20, 28, 1, 1, 2, 4]);
});

Deno.test("of what was guessed the least counts, and nothing once it was measured", () => {
  const { times } = setUp();
  const guessed = (us: number) => (times.seemsToTalk(DEFINITION, us), times.talk(DEFINITION));
  assertEquals([80, 10, 90].map(guessed), [80, 10, 10]);
  times.talked(DEFINITION, 30);
  assertEquals([80, 10, 90].map(guessed), [30, 30, 30]);
});
