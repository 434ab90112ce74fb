import { assert, assertEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";

function both() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  return [new RunTimes(arena), new RunTimes(arena)];
}

Deno.test("nobody knows how long a definition takes until it has run, and others know it then", () => {
  const [times, others] = both();
  assertEquals([others.mean(3), others.importTime(3)], [0, 0]);
  times.took(3, 250.4);
  times.importTook(3, 9000);
  assertEquals([others.mean(3), others.importTime(3), others.mean(2), others.mean(4)], [250, 9000, 0, 0]);
});

Deno.test("the mean follows a change within some runs, and not at once", () => {
  const [times] = both();
  times.took(0, 1000);
  times.took(0, 9000);
  assertEquals(times.mean(0), 2000);
  for (let i = 0; i < 20; i++) times.took(0, 9000);
  assert(times.mean(0) > 8000 && times.mean(0) <= 9000);
  for (let i = 0; i < 40; i++) times.took(0, 10);
  assert(times.mean(0) < 100);
});

Deno.test("what takes no time is known to have run, and what takes for ever fits its word", () => {
  const [times] = both();
  times.took(0, 0);
  times.took(0, 0.1);
  times.importTook(0, 0);
  assertEquals([times.mean(0), times.importTime(0)], [1, 1]);
  times.took(1, 1e12);
  times.took(1, 1);
  assert(times.mean(1) > 2 ** 30);
  times.importTook(1, Infinity);
  assertEquals(times.importTime(1), 2 ** 31 - 1);
});

Deno.test("the last import counts, and the last first run, which is no part of the mean", () => {
  const [times] = both();
  times.tookCold(0, 500);
  times.tookCold(0, 70);
  assertEquals([times.cold(0), times.cold(1), times.mean(0)], [70, 0, 0]);
  times.importTook(0, 500);
  times.importTook(0, 20);
  assertEquals(times.importTime(0), 20);
});
