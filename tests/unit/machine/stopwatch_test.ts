import { assert, assertEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { M_RAN_BEFORE, M_RUNS, M_WARM } from "../../../scheduler/arena/layout/m.ts";
import { D_COLD, D_MEAN } from "../../../scheduler/arena/layout/slot.ts";
import { Stopwatch } from "../../../scheduler/machine/stopwatch.ts";
import { Locks } from "../../../scheduler/parking/locks.ts";
import { TaskTable } from "../../../scheduler/slots/task_table.ts";
import type { Definition } from "../../../scheduler/tasks/call.ts";
import { Meter } from "../../../scheduler/tracing/meter.ts";

const M = 1;
const nowNs = () => performance.now() * 1e6;
const clocks = { nowNs, ticks: nowNs };

function setUp() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) });
  const words = arena.i32;
  const table = new TaskTable(arena, M);
  const watch = new Stopwatch(arena, M, table, new Locks(arena, M), new Meter(arena, M, clocks), nowNs);
  const mean = (definition: number) => words[arena.definition(definition) + D_MEAN];
  return {
    watch,
    table,
    mean,
    cold: (definition: number) => words[arena.definition(definition) + D_COLD],
    warm: () => words[arena.isolate(M) + M_WARM],
    /** So that what follows is not the first run. */
    warmUp(...definitions: number[]) {
      for (const definition of definitions) {
        watch.begin(definition, 0);
        watch.end();
      }
    },
    /** In how many of so many runs the time was taken. */
    measured(runs: number, definition: number, begin: () => void) {
      let count = 0;
      for (let i = 0; i < runs; i++) {
        words[arena.definition(definition) + D_MEAN] = 0;
        begin();
        watch.end();
        if (mean(definition) !== 0) count++;
      }
      return count;
    },
    /** As sysmon says it of an M that was frozen. */
    ranBefore: (us: number) => words[arena.isolate(M) + M_RAN_BEFORE] = us,
    runs: () => words[arena.isolate(M) + M_RUNS] - 1,
  };
}

function definition(key: string): Definition {
  return { module: "", name: "", fn: () => {}, key };
}

function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("of each definition the runs after the first are measured, and one in sixteen afterwards", () => {
  const { watch, measured } = setUp();
  for (const number of [2, 3]) {
    const begin = () => watch.begin(number, 0);
    assertEquals([measured(16, number, begin), measured(160, number, begin)], [15, 10]);
  }
});

Deno.test("of children that nobody else knows of one in 64 is measured, if their definition has a number", () => {
  const { watch, table, mean, measured } = setUp();
  const [known, unknown] = [definition("a"), definition("b")];
  const number = table.number(known);
  assertEquals(measured(640, number, () => watch.beginPrivate(known)), 10);
  assertEquals(measured(640, number, () => watch.beginPrivate(unknown)), 0);
  // What lies before the first definition is somebody else's.
  assertEquals(mean(-1), 0);
});

Deno.test("sysmon sees which definition runs, of private children once that has a number", () => {
  const { watch, table, runs } = setUp();
  watch.begin(7, 0);
  assertEquals(runs(), 7);
  const child = definition("a");
  watch.beginPrivate(child);
  assertEquals(runs(), -1);
  table.number(child);
  for (let i = 0; i < 64; i++) watch.beginPrivate(child);
  assertEquals(runs(), 0);
});

Deno.test("a thread's first run of a definition is apart from the mean, and after sixteen the thread is warm", () => {
  const { watch, mean, cold, warm } = setUp();
  watch.begin(3, 0);
  compute(3);
  watch.end();
  assert(cold(3) >= 3000);
  assertEquals([mean(3), warm()], [0, 0]);
  const first = cold(3);
  for (let run = 2; run <= 16; run++) {
    assertEquals(warm(), 0);
    watch.begin(3, 0);
    watch.end();
  }
  assertEquals([cold(3), mean(3) > 0, warm()], [first, true, 1 << 3]);
});

Deno.test("a run is measured from its begin to its end, once, and not if it was without a P", () => {
  const { watch, mean, warmUp } = setUp();
  warmUp(0, 1);
  watch.begin(0, 0);
  compute(3);
  watch.end();
  const first = mean(0);
  assert(first >= 3000);
  compute(3);
  watch.end();
  assertEquals(mean(0), first);
  watch.begin(1, 0);
  watch.spoil();
  watch.end();
  assertEquals(mean(1), 0);
});

Deno.test("of a run that was frozen what it had taken before counts, and of the run after that nothing of it", () => {
  const { watch, mean, ranBefore, warmUp } = setUp();
  warmUp(0, 1);
  watch.begin(0, 0);
  ranBefore(2 ** 30);
  watch.end();
  assertEquals(mean(0), 2 ** 30);
  watch.begin(1, 0);
  watch.end();
  assert(mean(1) < 2 ** 30);
});
