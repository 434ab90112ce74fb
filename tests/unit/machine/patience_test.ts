import { assertEquals } from "@std/assert";
import { loadShim, type Shim } from "../../../ffi/shim.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { Agenda } from "../../../scheduler/machine/agenda.ts";
import { Hold } from "../../../scheduler/machine/hold.ts";
import { Patience } from "../../../scheduler/machine/patience.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { GTable } from "../../../scheduler/slots/g_table.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";

const M = 1;
const TALKS = 3, COMPUTES = 4;

/** An M with one of two Ps and a begun task; the other P is idle. One of its tasks is in its ring. */
function publisher(definition: number) {
  const shim = loadShim();
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  const shared = new Shared(arena, shim);
  shared.idle.setProcs(2);
  const hold = new Hold(shared, M, shim, () => {});
  hold.take(shared.idle.acquireP());
  const agenda = new Agenda(shared, hold);
  agenda.began();
  new RunTimes(arena).carriedHandles(TALKS);
  const gs = new GTable(arena, M);
  const push = () => {
    const slot = gs.allocate();
    gs.prepare(slot, gs.newId(), definition);
    shared.rings.push(hold.p, slot);
  };
  push();
  let ns = 1e6;
  let offers = 0;
  const clock = { nowNs: () => ns, yieldCpu: () => offers++ } as unknown as Shim;
  const patience = new Patience(agenda, clock);
  return {
    agenda,
    shared,
    push,
    offers: () => offers,
    leavesNext: () => patience.leavesNext(),
    passes: (ms: number) => ns += ms * 1e6,
    takes: () => shared.rings.pop(hold.p),
    /** For how many milliseconds it leaves what is there. */
    leavesFor() {
      for (let ms = 0;; ms++, ns += 1e6) if (!patience.leavesNext()) return ms;
    },
  };
}

Deno.test("a task with channels is left in the ring while a P is idle, and the CPU is offered meanwhile", () => {
  const { leavesNext, offers } = publisher(TALKS);
  assertEquals([leavesNext(), leavesNext(), offers()], [true, true, 2]);
});

Deno.test("others are not, and none where nothing has begun yet or nobody has a use for it", () => {
  assertEquals(publisher(COMPUTES).leavesNext(), false);
  const first = publisher(TALKS);
  first.agenda.ended();
  assertEquals(first.leavesNext(), false);
  const busy = publisher(TALKS);
  busy.shared.idle.acquireP();
  assertEquals(busy.leavesNext(), false);
});

Deno.test("it waits for 30 ms at the most, and then for a second not again", () => {
  const { leavesFor, passes } = publisher(TALKS);
  assertEquals([leavesFor(), leavesFor()], [30, 0]);
  passes(999);
  assertEquals(leavesFor(), 0);
  passes(1);
  assertEquals(leavesFor(), 30);
});

Deno.test("a thief that has taken the P has another millisecond", () => {
  const { leavesNext, leavesFor, passes, shared } = publisher(TALKS);
  assertEquals(leavesNext(), true);
  shared.idle.acquireP();
  passes(0.9);
  assertEquals(leavesNext(), true);
  assertEquals(leavesFor(), 1);
});

Deno.test("if one came, the next task is left as long", () => {
  const { leavesNext, leavesFor, passes, takes, push } = publisher(TALKS);
  assertEquals(leavesNext(), true);
  passes(20);
  takes();
  assertEquals(leavesNext(), false);
  push();
  assertEquals(leavesFor(), 30);
});
