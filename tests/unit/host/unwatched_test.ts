import { assertEquals } from "@std/assert";
import { loadShim, type Shim } from "../../../ffi/shim.ts";
import { PREEMPT, SLICE_MS, STALL_MS } from "../../../scheduler/arena/layout/header.ts";
import { HOST, M_IMPORTS, M_RUNS } from "../../../scheduler/arena/layout/m.ts";
import { Unwatched } from "../../../scheduler/host/unwatched.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { PARKED_FUTEX } from "../../../scheduler/parking/sleep_word.ts";
import { GTable } from "../../../scheduler/slots/g_table.ts";
import { RunTimes } from "../../../scheduler/slots/run_times.ts";
import { Poller } from "../../../scheduler/sync/poller.ts";
import { fourIsolates, fourMs } from "../../support/isolates.ts";

const [RUNS, WAITS] = [1, 2];
/** Definitions. */
const [LONG, SHORT] = [5, 6];

/** One P, which an M has that computes. Its clock stands still between looks, 60 ms apart. */
function setUp() {
  const shared = fourMs(1);
  const { arena, idle, parker, roles, words } = shared;
  words[PREEMPT] = 1;
  words[SLICE_MS] = 10;
  for (const isolate of [RUNS, WAITS]) roles.set(isolate, POOL);
  const p = idle.acquireP();
  idle.ps.hold(p, RUNS);
  words[arena.isolate(RUNS) + M_RUNS] = LONG + 1;
  parker.announce(WAITS, PARKED_FUTEX);
  let now = 1e9;
  const shim = { ...loadShim(), nowNs: () => now, cpuNs: () => now } as Shim;
  let isIdle = false;
  const unwatched = new Unwatched(shared, shim, () => isIdle);
  return {
    ...shared,
    p,
    look(): boolean {
      now += 60e6;
      return unwatched.needsSysmon();
    },
    lookAtOnce: () => unwatched.needsSysmon(),
    endsAll: () => isIdle = true,
    queue() {
      const gs = new GTable(arena, HOST);
      const slot = gs.allocate();
      gs.prepare(slot, slot, SHORT);
      shared.global.push(slot);
    },
  };
}

Deno.test("nobody needs a watchdog while all that there is to do is being done", () => {
  const { look } = setUp();
  assertEquals(Array.from({ length: 5 }, look), Array(5).fill(false));
});

Deno.test("a watchdog is needed where a task computes on and one that is shorter waits", () => {
  const { arena, look, lookAtOnce, queue } = setUp();
  const times = new RunTimes(arena);
  times.took(LONG, 20_000);
  times.took(SHORT, 1000);
  look();
  queue();
  assertEquals([lookAtOnce(), look()], [false, true]);
});

Deno.test("a watchdog is needed where an M does not come for its P, unless it imports a module", () => {
  const { arena, idle, look, lookAtOnce, p, words } = setUp();
  idle.ps.pass(p);
  words[arena.isolate(WAITS) + M_IMPORTS] = 1;
  assertEquals([look(), look(), lookAtOnce()], [false, false, false]);
  words[arena.isolate(WAITS) + M_IMPORTS] = 0;
  assertEquals([lookAtOnce(), look()], [false, true]);
});

Deno.test("a watchdog may begin when nobody waits for a task, and has to where somebody is to hear of stalls", () => {
  const { lookAtOnce, endsAll } = setUp();
  assertEquals(lookAtOnce(), false);
  endsAll();
  assertEquals(lookAtOnce(), true);
  const other = setUp();
  other.words[STALL_MS] = 100;
  assertEquals(other.lookAtOnce(), true);
});

Deno.test("the first call for a watchdog tells the host, and no other one", () => {
  const { lookAtOnce, mailbox, sysmonSleep } = setUp();
  const isTold = () => mailbox.drain(HOST, () => {});
  assertEquals([sysmonSleep.isCalledFor, isTold()], [false, false]);
  // As one that sleeps would be woken.
  sysmonSleep.wakeIfAsleep();
  assertEquals(sysmonSleep.isCalledFor, false);
  sysmonSleep.callFor();
  assertEquals([lookAtOnce(), isTold()], [true, true]);
  for (const call of [() => sysmonSleep.callFor(), () => sysmonSleep.wakeUnlessTicking()]) {
    call();
    assertEquals(isTold(), false);
  }
});

Deno.test("a blocking call's look calls for a watchdog", () => {
  const { mailbox, sysmonSleep } = setUp();
  sysmonSleep.wakeUnlessTicking();
  assertEquals([sysmonSleep.isCalledFor, mailbox.drain(HOST, () => {})], [true, true]);
});

Deno.test("who waits for a descriptor calls for a watchdog, before C may wake it", () => {
  const shared = fourMs(1);
  shared.sysmonSleep.announceAbsence();
  const poller = new Poller(fourIsolates(shared)[1], "readable");
  poller.close();
  loadShim().pollerClose(loadShim().addressOf(shared.words.subarray(shared.arena.poller)));
  // C would have stored that it is awake, and told nobody.
  assertEquals([shared.sysmonSleep.isCalledFor, shared.mailbox.drain(HOST, () => {})], [true, true]);
});
