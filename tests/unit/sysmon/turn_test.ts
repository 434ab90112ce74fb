import { assertEquals } from "@std/assert";
import { Turn } from "../../../scheduler/sysmon/turn.ts";

const MS = 1e6;
const SLICE = 10 * MS;

Deno.test("the time between two looks belongs to a turn that is the same, and to none if it is another", () => {
  const turn = new Turn();
  assertEquals(turn.look(1, 100 * MS, 1000 * MS), true);
  assertEquals(turn.look(1, 103 * MS, 1004 * MS), false);
  assertEquals([turn.ran, turn.used], [4 * MS, 3 * MS]);
  assertEquals(turn.look(2, 104 * MS, 1006 * MS), true);
  assertEquals([turn.number, turn.ran, turn.used, turn.since], [2, 0, 0, 1006 * MS]);
});

Deno.test("what passes while a thread is frozen is no time of its turn, and a new slice begins after it", () => {
  const turn = new Turn();
  turn.look(1, 0, 1000 * MS);
  turn.look(1, SLICE, 1010 * MS);
  turn.pause();
  assertEquals(turn.look(1, SLICE, 2000 * MS), false);
  assertEquals([turn.ran, turn.used, turn.since], [SLICE, SLICE, 2000 * MS]);
  assertEquals(turn.left(SLICE, 2000 * MS), SLICE);
});

Deno.test("a slice is CPU time, unless the thread has not used it up for five slices of the clock", () => {
  const turn = new Turn();
  turn.look(1, 0, 1000 * MS);
  turn.look(1, 4 * MS, 1030 * MS);
  // Others have had the CPU.
  assertEquals(turn.left(SLICE, 1030 * MS), 6 * MS);
  // Near the end of the fifth slice it is looked at sooner.
  assertEquals(turn.left(SLICE, 1049 * MS), 3 * MS);
  turn.look(1, 10 * MS, 1040 * MS);
  assertEquals(turn.left(SLICE, 1040 * MS), 0);
});
