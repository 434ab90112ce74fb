import { assertEquals } from "@std/assert";
import { IMPORTED } from "../../../scheduler/arena/layout/header.ts";
import { HOST, M_IMPORTS, M_LOCKS, M_RUNS, M_WARM } from "../../../scheduler/arena/layout/m.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { AWAITS_P, PARKED_FUTEX } from "../../../scheduler/parking/sleep_word.ts";
import { GTable } from "../../../scheduler/slots/g_table.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";
import { ANYBODY, Gain, NOBODY, RETURNING } from "../../../scheduler/sysmon/gain.ts";
import { loadShim } from "../../../ffi/shim.ts";
import { fourMs } from "../../support/isolates.ts";

/** What M_LOCKS counts a turn by. */
const ONE_TURN = 1 << 8;
const SLICE = 10e6;
const ONE = { ran: SLICE, used: SLICE };
const [RUNS, WAITS, OTHER] = [1, 2, 3];
/** Definitions. */
const [LONG, SHORT, LONGER] = [5, 6, 7];

/**
 * One P. An M runs a task that takes 100 ms, on the whole, with it. Another one has parked, and a task that takes 1 ms is
 * what the tests put into a queue.
 */
function setUp() {
  const shared = fourMs(1);
  const { arena, idle, parker, roles } = shared;
  const words = arena.i32;
  for (const isolate of [RUNS, WAITS]) roles.set(isolate, POOL);
  idle.ps.hold(idle.acquireP(), RUNS);
  words[arena.isolate(RUNS) + M_RUNS] = LONG + 1;
  parker.announce(WAITS, PARKED_FUTEX);
  const times = new RunTimes(arena);
  times.took(LONG, 100_000);
  times.took(SHORT, 1000);
  const gs = new GTable(arena, HOST);
  const gain = new Gain(shared, loadShim(), SLICE);
  const look = (slices: number) => {
    gain.begin(slices * SLICE);
    gain.watch(0);
  };
  /** A turn is over. */
  const progressed = () => {
    words[arena.isolate(OTHER) + M_LOCKS] += ONE_TURN;
    gain.turn(OTHER);
  };
  look(0);
  progressed();
  return {
    ...shared,
    times,
    gain,
    progressed,
    write(definition: number) {
      const slot = gs.allocate();
      gs.prepare(slot, slot, definition);
      return slot;
    },
    has(isolate: number, definition: number) {
      words[arena.isolate(isolate) + M_WARM] |= 1 << definition;
    },
    imported: () => words[IMPORTED]++,
    imports(isolate: number, is: boolean) {
      words[arena.isolate(isolate) + M_IMPORTS] = is ? 1 : 0;
    },
    /** For whom the M would lose its P so many slices after the begin, in which it has run all the time. */
    whomAfter(slices: number) {
      look(slices);
      return gain.whom(0, RUNS, { ran: slices * SLICE, used: slices * SLICE });
    },
  };
}

Deno.test("a P that counts no more is anybody's, and one beside an idle P or an M that spins stays where it is", () => {
  const { gain, idle, global, write, has } = setUp();
  global.push(write(SHORT));
  has(WAITS, SHORT);
  idle.spinFurther();
  assertEquals(gain.whom(0, RUNS, ONE), NOBODY);
  idle.stopSpinning();
  assertEquals(gain.whom(0, RUNS, ONE), WAITS);
  idle.setProcs(2);
  assertEquals(gain.whom(0, RUNS, ONE), NOBODY);
  assertEquals(gain.whom(2, RUNS, ONE), ANYBODY);
});

Deno.test("where nothing waits nobody gets a P, however long its M has run", () => {
  const { whomAfter } = setUp();
  assertEquals(whomAfter(10_000), NOBODY);
});

Deno.test("an M that waits for a P to go on gets it after a slice, and one that just sleeps does not", () => {
  const { parker, wakeups, global, whomAfter } = setUp();
  parker.announce(OTHER, AWAITS_P);
  assertEquals(whomAfter(1), NOBODY);
  wakeups.queueForP(OTHER);
  assertEquals([whomAfter(1), global.length], [RETURNING, 1]);
});

Deno.test("a task that is much shorter gets an idle thread that has run its kind, from the ring as from the global queue", () => {
  for (const queue of ["ring", "global"]) {
    const { rings, global, write, has, whomAfter } = setUp();
    const slot = write(SHORT);
    if (queue === "ring") rings.push(0, slot);
    else global.push(slot);
    has(RUNS, SHORT);
    assertEquals(whomAfter(0.5), NOBODY);
    has(WAITS, SHORT);
    assertEquals(whomAfter(0.5), WAITS);
  }
});

Deno.test("a task that is much shorter gets any thread after a slice in which the queue stood still", () => {
  const { rings, write, whomAfter } = setUp();
  rings.push(0, write(SHORT));
  assertEquals(whomAfter(0), NOBODY);
  assertEquals(whomAfter(0.9), NOBODY);
  assertEquals(whomAfter(1), ANYBODY);
});

Deno.test("a task that takes as long as what runs waits until that has run for twice the mean of both", () => {
  const { times, rings, write, has, whomAfter } = setUp();
  rings.push(0, write(LONG));
  has(WAITS, LONG);
  whomAfter(0);
  // Once it has run for so long, as much again is expected of it.
  assertEquals([whomAfter(10), whomAfter(19), whomAfter(20)], [NOBODY, NOBODY, WAITS]);
  times.took(LONG, 1e6);
  assertEquals([whomAfter(24), whomAfter(42), whomAfter(43)], [NOBODY, NOBODY, WAITS]);
});

Deno.test("a task of the kind that runs does not gain by what others had of the CPU", () => {
  const { gain, rings, write, has } = setUp();
  rings.push(0, write(LONG));
  has(WAITS, LONG);
  assertEquals(gain.whom(0, RUNS, { ran: 30 * SLICE, used: 19 * SLICE }), NOBODY);
  assertEquals(gain.whom(0, RUNS, { ran: 30 * SLICE, used: 20 * SLICE }), WAITS);
});

Deno.test("a thread that has not run such a task is worth it for what takes longer than its import and first run", () => {
  const { times, rings, write, whomAfter } = setUp();
  rings.push(0, write(SHORT));
  times.importTook(SHORT, 40_000);
  times.tookCold(SHORT, 80_000);
  whomAfter(0);
  // Once it has run for so long, as much again is expected of it.
  assertEquals([whomAfter(12.1), whomAfter(12.2)], [NOBODY, ANYBODY]);
});

Deno.test("what waits for a thread that has yet to import its module has waited for as long before", () => {
  const { progressed, times, rings, write, whomAfter } = setUp();
  whomAfter(99);
  progressed();
  rings.push(0, write(SHORT));
  times.importTook(SHORT, 40_000);
  times.tookCold(SHORT, 80_000);
  assertEquals([whomAfter(100), whomAfter(110), whomAfter(111)], [NOBODY, NOBODY, ANYBODY]);
});

Deno.test("of a kind of which only first runs are known that is what the next one is expected to take", () => {
  const { times, rings, write, has, whomAfter } = setUp();
  rings.push(0, write(LONGER));
  has(WAITS, LONGER);
  times.tookCold(LONGER, 60_000);
  whomAfter(0);
  assertEquals([whomAfter(11.9), whomAfter(12)], [NOBODY, WAITS]);
});

Deno.test("a task that takes much longer than what runs has a thread when nothing has ended anywhere for 25 slices", () => {
  const { progressed, times, global, write, whomAfter } = setUp();
  times.took(LONGER, 1e7);
  global.push(write(LONGER));
  assertEquals(whomAfter(10), NOBODY);
  progressed();
  assertEquals([whomAfter(34), whomAfter(35)], [NOBODY, ANYBODY]);
});

Deno.test("what has had less of a CPU than of the clock has four times as long", () => {
  const { gain, times, global, write, whomAfter } = setUp();
  times.took(LONGER, 1e7);
  global.push(write(LONGER));
  const whom = (slices: number) => {
    whomAfter(slices);
    return gain.whom(0, RUNS, { ran: slices * SLICE, used: 24 * SLICE });
  };
  assertEquals([whom(25), whom(99), whom(100)], [NOBODY, NOBODY, ANYBODY]);
});

Deno.test("what would first have to be imported for longer than 25 slices waits for as long", () => {
  const { times, global, write, whomAfter } = setUp();
  times.took(LONGER, 1e7);
  times.importTook(LONGER, 300_000);
  times.tookCold(LONGER, 50_000);
  global.push(write(LONGER));
  assertEquals([whomAfter(34), whomAfter(35)], [NOBODY, ANYBODY]);
});

Deno.test("the end of an import is progress for all that stood still behind it", () => {
  const { gain, times, rings, write, imports, imported, whomAfter } = setUp();
  // Of those between nobody has looked at any.
  gain.watch(2);
  times.took(LONGER, 1e7);
  rings.push(0, write(LONGER));
  imports(RUNS, true);
  assertEquals(whomAfter(40), NOBODY);
  imports(RUNS, false);
  imported();
  assertEquals([whomAfter(41), whomAfter(65), whomAfter(66)], [NOBODY, NOBODY, ANYBODY]);
});

Deno.test("what imports a module is left alone for 500 slices, although a short task waits", () => {
  const { rings, write, has, imports, whomAfter } = setUp();
  rings.push(0, write(SHORT));
  has(WAITS, SHORT);
  imports(RUNS, true);
  whomAfter(0);
  assertEquals([whomAfter(1), whomAfter(499), whomAfter(500)], [NOBODY, NOBODY, ANYBODY]);
  imports(RUNS, false);
  assertEquals(whomAfter(1), WAITS);
});

Deno.test("while a thread imports a module no other one begins to, for a task whose module nobody has", () => {
  const { rings, write, imports, whomAfter } = setUp();
  rings.push(0, write(SHORT));
  whomAfter(0);
  imports(WAITS, true);
  assertEquals(whomAfter(5), NOBODY);
  imports(WAITS, false);
  assertEquals(whomAfter(5), ANYBODY);
});
