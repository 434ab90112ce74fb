import { assertEquals, assertThrows } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { M_GIVEN, M_LOCKS, M_RUNS } from "../../../scheduler/arena/layout/m.ts";
import { Locks, turnOf } from "../../../scheduler/parking/locks.ts";

const M = 1;

/** As the handler and sysmon see it: how many hold it, in which turn. */
function setUp() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  const words = arena.i32;
  const record = arena.isolate(M);
  const locks = new Locks(arena, M);
  const taken: number[] = [];
  locks.takeUp = (given) => taken.push(given);
  return {
    locks,
    taken,
    count: () => words[record + M_LOCKS] & 255,
    turn: () => turnOf(words[record + M_LOCKS]),
    runs: () => words[record + M_RUNS],
    give: (given: number) => words[record + M_GIVEN] = given,
  };
}

Deno.test("a thread in the scheduler is not to be frozen until the outermost of those that hold it lets go", () => {
  const { locks, count } = setUp();
  locks.hold();
  locks.hold();
  locks.release();
  assertEquals(count(), 1);
  locks.release();
  assertEquals(count(), 0);
});

Deno.test("what a thread was given while it was frozen it takes up once, as it enters the scheduler", () => {
  const { locks, give, taken } = setUp();
  give(7);
  locks.hold();
  locks.hold();
  assertEquals(taken, [7]);
  locks.leave();
  give(8);
  locks.enter();
  locks.enter();
  assertEquals(taken, [7, 8]);
});

Deno.test("a task's code that runs inside of the scheduler's may be frozen, and is not afterwards", () => {
  const { locks, count, give, taken } = setUp();
  locks.enter();
  locks.hold();
  locks.outside(() => {
    assertEquals(count(), 0);
    give(9);
  });
  assertEquals([count(), taken], [2, [9]]);
});

Deno.test("the guard is back after a task's code that throws", () => {
  const { locks, count } = setUp();
  locks.enter();
  assertThrows(() =>
    locks.outside(() => {
      throw new RangeError("thrown inside");
    }), RangeError);
  assertEquals(count(), 1);
});

Deno.test("a task's code that nobody holds leaves what it was given to who enters the scheduler next", () => {
  const { locks, give, taken } = setUp();
  locks.outside(() => give(9));
  assertEquals(taken, []);
  locks.enter();
  assertEquals(taken, [9]);
});

Deno.test("who threw and released nothing can be frozen again in the next turn of the loop", () => {
  const { locks, count } = setUp();
  locks.hold();
  locks.enter();
  assertEquals(count(), 1);
  locks.leave();
  assertEquals(count(), 0);
});

Deno.test("each round of the loop is another turn, and so is a P in the middle of one, which is held as before", () => {
  const { locks, turn, count } = setUp();
  locks.enter();
  const first = turn();
  locks.hold();
  locks.beginTurn();
  assertEquals([turn(), count(), locks.turn], [first + 1, 2, first + 1]);
  locks.leave();
  assertEquals(turn(), first + 1);
  locks.enter();
  assertEquals(turn(), first + 2);
});

Deno.test("which task runs is to be seen until the loop goes on", () => {
  const { locks, runs } = setUp();
  locks.enter();
  locks.runs(0);
  assertEquals(runs(), 1);
  locks.leave();
  assertEquals(runs(), 1);
  locks.enter();
  assertEquals(runs(), 0);
});
