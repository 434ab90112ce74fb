import { assertEquals } from "@std/assert";
import { loadShim } from "../../../ffi/shim.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { M_LIVE, M_RAN } from "../../../scheduler/arena/layout/m.ts";
import { Agenda } from "../../../scheduler/machine/agenda.ts";
import type { G } from "../../../scheduler/machine/g.ts";
import { Hold } from "../../../scheduler/machine/hold.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { TO_OWNER } from "../../../scheduler/queues/mailbox.ts";

const M = 1;

/** Of an M that holds the only P. */
function setUp() {
  const shim = loadShim();
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  const shared = new Shared(arena, shim);
  shared.idle.setProcs(1);
  const hold = new Hold(shared, M, shim, () => {});
  hold.take(shared.idle.acquireP());
  return { agenda: new Agenda(shared, hold), hold, shared, arena };
}

Deno.test("what waits its turn on an agenda goes on in its order, one at a time", () => {
  const { agenda } = setUp();
  const fired: number[] = [];
  for (const n of [1, 2, 3]) agenda.resumeLater({ fire: () => fired.push(n) });
  assertEquals([agenda.resume(), fired], [true, [1]]);
  while (agenda.resume());
  assertEquals([agenda.resume(), fired], [false, [1, 2, 3]]);
});

Deno.test("a G, mail, a turn and a timer that is due are an M's own work, and a timer to come is not", () => {
  const own: ((all: ReturnType<typeof setUp>) => void)[] = [
    ({ agenda }) => agenda.privates.push({} as G),
    ({ shared }) => shared.mailbox.push(M, 0, TO_OWNER),
    ({ agenda }) => agenda.resumeLater({ fire() {} }),
    ({ agenda }) => agenda.startTimer({ fire() {} }, performance.now() - 1),
  ];
  for (const add of own) {
    const all = setUp();
    all.agenda.startTimer({ fire() {} }, performance.now() + 1e6);
    assertEquals([all.agenda.hasOwnWork(), all.agenda.hasTimers], [false, true]);
    add(all);
    assertEquals(all.agenda.hasOwnWork(), true);
  }
});

Deno.test("what is in the ring is work here for an M that takes it: not if it is locked, or expects something", () => {
  const { agenda, hold, shared: { rings } } = setUp();
  rings.push(hold.p, 0);
  assertEquals([agenda.takesMore, agenda.hasWorkHere()], [true, true]);
  agenda.expects(false);
  assertEquals([agenda.takesMore, agenda.hasWorkHere(), agenda.next < Infinity], [false, false, true]);
  agenda.arrived();
  hold.takesWork = false;
  assertEquals([agenda.takesMore, agenda.hasWorkHere(), agenda.next], [false, false, Infinity]);
  hold.takesWork = true;
  assertEquals([agenda.takesMore, agenda.hasWorkHere()], [true, true]);
});

Deno.test("a thread that is to end goes on until nothing is live or private there", () => {
  const { agenda } = setUp();
  agenda.began();
  agenda.privates.push({} as G);
  agenda.endWhenDone();
  assertEquals(agenda.isOver, false);
  agenda.ended();
  assertEquals(agenda.isOver, false);
  agenda.privates.popNewest();
  assertEquals(agenda.isOver, true);
});

Deno.test("a closed agenda is over whatever is live, and the host sees its counts when they are told", () => {
  const { agenda, arena } = setUp();
  agenda.began();
  agenda.ran++;
  const counts = () => [arena.i32[arena.isolate(M) + M_LIVE], arena.i32[arena.isolate(M) + M_RAN]];
  assertEquals([agenda.isOver, counts()], [false, [0, 0]]);
  agenda.tellCounts();
  agenda.close();
  assertEquals([agenda.isOver, counts()], [true, [1, 1]]);
});
