import { assert, assertEquals } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { loadShim } from "../../../ffi/shim.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import {
  AWAKE,
  given,
  KEEPS_P_FUTEX,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
  SPARE_FUTEX,
} from "../../../scheduler/parking/sleep_word.ts";
import { until } from "../../support/deadline.ts";
import { catchArena, caughtArena } from "../../stress/census.ts";
import { fourMs } from "../../support/isolates.ts";

Deno.test("to wake gives one parked M a P and counts it as spinning, however often it is asked for", () => {
  const { idle, parker, wakeups } = fourMs(2);
  parker.announce(1, SPARE_FUTEX);
  parker.announce(2, KEEPS_P_FUTEX);
  parker.announce(3, PARKED_FUTEX);
  parker.announce(4, PARKED_EVENT_LOOP);
  wakeups.wake();
  wakeups.wake();
  assertEquals([1, 2, 3, 4].map((m) => parker.state(m)), [
    SPARE_FUTEX,
    KEEPS_P_FUTEX,
    given(0, true),
    PARKED_EVENT_LOOP,
  ]);
  assertEquals([idle.idlePs, idle.spinning], [1, 1]);
});

Deno.test("to wake when nobody is parked leaves the counts as they were", () => {
  const { idle, wakeups } = fourMs(2);
  wakeups.wake();
  assertEquals([idle.idlePs, idle.spinning], [2, 0]);
});

Deno.test("to wake without an idle P wakes nobody", () => {
  const { idle, parker, wakeups } = fourMs(1);
  idle.acquireP();
  parker.announce(1, PARKED_FUTEX);
  wakeups.wake();
  assertEquals(parker.state(1), PARKED_FUTEX);
  assertEquals([idle.idlePs, idle.spinning], [0, 0]);
});

Deno.test("the last spinner that finds work wakes another one only if there is more", () => {
  const { idle, parker, global, wakeups } = fourMs(2);
  idle.acquireP();
  parker.announce(1, PARKED_FUTEX);
  assert(idle.startSpinning());
  wakeups.foundWork();
  assertEquals(parker.state(1), PARKED_FUTEX);
  assert(idle.startSpinning());
  global.push(5);
  wakeups.foundWork();
  assertEquals(parker.state(1), given(1, true));
  assertEquals([idle.idlePs, idle.spinning], [0, 1]);
});

Deno.test("work is visible in the global queue and in the rings of Ps that count", () => {
  const { global, rings, wakeups } = fourMs(2);
  assert(!wakeups.workVisible());
  rings.push(1, 3);
  assert(wakeups.workVisible());
  assertEquals(rings.pop(1), 3);
  assert(!wakeups.workVisible());
  rings.pushNext(0, 3);
  assert(wakeups.workVisible());
  assertEquals(rings.pop(0), 3);
  global.push(3);
  assert(wakeups.workVisible());
});

Deno.test("a P is not handed to an M that is awake", () => {
  const { idle, parker, wakeups } = fourMs(1);
  const p = idle.acquireP();
  wakeups.queueForP(2);
  assertEquals(wakeups.handOff(2, p), false);
  assertEquals(parker.state(2), AWAKE);
  assert(!wakeups.isQueuedForP(2));
});

Deno.test("who waits for a P in the global queue is no task that is queued", () => {
  const { idle, global, wakeups } = fourMs(1);
  const p = idle.acquireP();
  wakeups.queueForP(2);
  assertEquals([global.length, wakeups.tasksQueued], [1, 0]);
  global.push(3);
  assertEquals([global.length, wakeups.tasksQueued], [2, 1]);
  assertEquals(global.popNote(), 2);
  wakeups.handOff(2, p);
  assertEquals([global.length, wakeups.tasksQueued], [1, 1]);
});

Deno.test("a signal wakes an M in any state, and gives it nothing", () => {
  const { idle, parker, mailbox, wakeups } = fourMs(1);
  const states = [PARKED_FUTEX, PARKED_EVENT_LOOP, KEEPS_P_FUTEX, SPARE_FUTEX] as const;
  states.forEach((state, i) => parker.announce(i + 1, state));
  for (const m of [1, 2, 3, 4]) wakeups.signal(m);
  assertEquals([1, 2, 3, 4].map((m) => parker.state(m)), [AWAKE, AWAKE, AWAKE, AWAKE]);
  assertEquals(idle.idlePs, 1);
  assert(mailbox.drain(4, () => {}), "no signal");
});

Deno.test("the host reads its mail before its first task, too", async () => {
  const [counts, bytes] = [{ maxTasks: 16, maxThreads: 4 }, 16 << 20];
  catchArena(bytes);
  await using _sched = await Scheduler.start({ procs: 1, ...counts, arenaBytes: bytes });
  const { mailbox, wakeups } = new Shared(caughtArena({ ...counts, bytes }), loadShim());
  wakeups.signal(HOST);
  await until(() => mailbox.isEmpty(HOST), "it is read");
});
