import { assertEquals } from "@std/assert";
import { loadShim } from "../../../ffi/shim.ts";
import {
  Arena,
  HOST,
  ISOLATES,
  leastArenaBytes,
  M_SPINNING,
} from "../../../scheduler/arena/memory_layout.ts";
import { Hold } from "../../../scheduler/machine/hold.ts";
import { EXEMPT_P, NO_P } from "../../../scheduler/parking/idle.ts";
import { callWord, holder, isInCall, isRunning } from "../../../scheduler/parking/processor.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { AWAKE, PARKED_EVENT_LOOP, PARKED_FUTEX } from "../../../scheduler/parking/sleep_word.ts";

const M = 1;
const OTHER = 2;

/** One M of two, and so many Ps. */
function setUp(procs: number) {
  const shim = loadShim();
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  const shared = new Shared(arena, shim);
  arena.i32[ISOLATES] = 3;
  for (const isolate of [M, OTHER]) shared.roles.set(isolate, POOL);
  shared.idle.setProcs(procs);
  const hold = new Hold(shared, M, shim, () => {});
  return { shared, hold, arena };
}

Deno.test("an M that takes a P has its name on it, once is new with it, and gives it up as an idle one", () => {
  const { shared: { idle }, hold } = setUp(1);
  hold.take(idle.acquireP());
  assertEquals([hold.p, holder(idle.ps.word(0)), idle.idlePs], [0, M, 0]);
  assertEquals([hold.isNew(), hold.isNew()], [true, false]);
  hold.giveUp();
  assertEquals([hold.p, holder(idle.ps.word(0)), idle.idlePs], [NO_P, HOST, 1]);
});

Deno.test("an M that sleeps is given a P by who wakes it, and finds that out as it retracts", () => {
  const { shared: { idle, parker, wakeups }, hold } = setUp(1);
  hold.announce(PARKED_FUTEX);
  assertEquals([hold.isAsleep, parker.state(M)], [true, PARKED_FUTEX]);
  wakeups.wake();
  assertEquals([hold.p, idle.idlePs], [NO_P, 0]);
  assertEquals(hold.retract(PARKED_FUTEX), true);
  assertEquals([hold.p, hold.isAsleep, parker.state(M)], [0, false, AWAKE]);
  // Who woke it has counted it.
  assertEquals([hold.isSpinning, idle.spinning], [true, 1]);
});

Deno.test("an M that nobody woke retracts without a P", () => {
  const { shared: { parker }, hold } = setUp(1);
  hold.announce(PARKED_EVENT_LOOP);
  assertEquals(hold.retract(PARKED_EVENT_LOOP), false);
  assertEquals([hold.p, parker.state(M)], [NO_P, AWAKE]);
});

Deno.test("a P is handed off to an M that sleeps, and kept if it does not", () => {
  const { shared: { idle, parker }, hold } = setUp(1);
  hold.take(idle.acquireP());
  hold.handOff(OTHER);
  assertEquals([hold.p, holder(idle.ps.word(0))], [0, M]);
  parker.announce(OTHER, PARKED_FUTEX);
  hold.handOff(OTHER);
  assertEquals([hold.p, holder(idle.ps.word(0))], [NO_P, HOST]);
});

Deno.test("a P that nobody took in a call is the M's again; one that was taken is not, and an idle one does", () => {
  const { shared: { idle }, hold } = setUp(2);
  hold.take(idle.acquireP());
  const first = callWord(M, 0);
  hold.enterCall(0, first);
  assertEquals([hold.p, hold.isInCall, isInCall(idle.ps.word(0))], [NO_P, true, true]);
  hold.leaveCall(0, first);
  assertEquals([hold.p, hold.isInCall, isRunning(idle.ps.word(0))], [0, false, true]);
  const second = callWord(M, 1);
  hold.enterCall(0, second);
  assertEquals(idle.ps.retake(0, second), true);
  hold.leaveCall(0, second);
  assertEquals([hold.p, holder(idle.ps.word(1))], [1, M]);
});

Deno.test("an M that spins is counted until it has found something, and the host can see that it is", () => {
  const { shared: { idle }, hold, arena } = setUp(2);
  const seen = () => [idle.spinning, arena.i32[arena.isolate(M) + M_SPINNING]];
  hold.take(idle.acquireP());
  assertEquals([hold.startSpinning(), hold.startSpinning(), ...seen()], [true, true, 1, 1]);
  hold.foundWork();
  hold.foundWork();
  assertEquals(seen(), [0, 0]);
});

Deno.test("an M that becomes exempt has its old P in hand, and after that one of the pool again", () => {
  const { shared: { idle, wakeups }, hold } = setUp(1);
  hold.take(idle.acquireP());
  const p = hold.beExempt();
  assertEquals([p, hold.p, hold.takesWork], [0, EXEMPT_P, false]);
  wakeups.passOn(p);
  hold.endExemption();
  assertEquals([hold.p, holder(idle.ps.word(0))], [0, M]);
});
