import { assertEquals } from "@std/assert";
import { loadShim, type Shim } from "../../../ffi/shim.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { Agenda } from "../../../scheduler/machine/agenda.ts";
import type { Children } from "../../../scheduler/machine/children.ts";
import type { EventLoop } from "../../../scheduler/machine/event_loop.ts";
import { Hold } from "../../../scheduler/machine/hold.ts";
import { HERE, NOTHING, Search } from "../../../scheduler/machine/search.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { TO_OWNER } from "../../../scheduler/queues/mailbox.ts";

const M = 1;
/** Of looking around, by the clock of the test. A look takes 100 ns there. */
const SPIN = 20_000;

/** A locked M with one of so many Ps. `at` is called with the time at each look at the clock. */
function lockedM(at: (ns: number, shared: Shared) => void = () => {}, procs = 2) {
  const shim = loadShim();
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  const shared = new Shared(arena, shim);
  shared.idle.setProcs(procs);
  const hold = new Hold(shared, M, shim, () => {});
  hold.take(shared.idle.acquireP());
  hold.takesWork = false;
  const agenda = new Agenda(shared, hold);
  let ns = 0;
  const clock = {
    gettid: () => 1,
    yieldCpu() {},
    nowNs() {
      at(ns += 100, shared);
      return ns;
    },
  } as unknown as Shim;
  const eventLoop = { waitsForOurs: true } as EventLoop;
  const search = new Search(agenda, {} as Children, eventLoop, clock);
  return { search, agenda, shared, took: () => ns };
}

Deno.test("a locked M that has nothing to do looks for its mail for a while, and not longer", () => {
  const { search, took } = lockedM();
  assertEquals([search.spin(), took() >= SPIN, took() < 2 * SPIN], [NOTHING, true, true]);
});

Deno.test("mail that comes meanwhile ends that", () => {
  const { search, took } = lockedM((ns, shared) => {
    if (ns === 5_000) shared.mailbox.push(M, 0, TO_OWNER);
  });
  assertEquals([search.spin(), took() < 6_000], [HERE, true]);
});

Deno.test("so does work of others, who have a use for its P", () => {
  const queues: ((shared: Shared) => void)[] = [
    ({ global }) => global.push(0),
    ({ global }) => global.push(-2),
    ({ rings }) => rings.push(0, 0),
    ({ rings }) => rings.push(1, 0),
  ];
  for (const push of queues) {
    const { search, took } = lockedM((ns, shared) => ns === 5_000 && push(shared));
    assertEquals([search.spin(), took() < 6_000], [NOTHING, true]);
  }
});

Deno.test("a locked M does not look around with the only P, which whoever it waits for needs", () => {
  const { search, took } = lockedM(() => {}, 1);
  assertEquals([search.spin(), took() < 1_000], [NOTHING, true]);
});

Deno.test("a locked M that expects something does not begin", () => {
  const { search, agenda, took } = lockedM();
  agenda.expects(false);
  assertEquals([search.spin(), took() < 1_000], [NOTHING, true]);
});
