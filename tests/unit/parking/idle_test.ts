import { Shared } from "../../../scheduler/parking/shared.ts";
import { assert, assertEquals } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { loadShim } from "../../../ffi/shim.ts";
import { NO_P } from "../../../scheduler/parking/idle.ts";
import { Arena, HOST, ISOLATES, leastArenaBytes } from "../../../scheduler/arena/memory_layout.ts";
import {
  AWAKE,
  given,
  KEEPS_P_FUTEX,
  LETS_GO,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
  SPARE_FUTEX,
} from "../../../scheduler/parking/parker.ts";

import { until } from "../../support/deadline.ts";
import { catchArena, caughtArena } from "../../stress/census.ts";

/** The host and four Ms, all awake. */
function make(procs: number) {
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  arena.i32[ISOLATES] = 5;
  const made = on(arena);
  made.idle.setProcs(procs);
  return made;
}

function on(arena: Arena) {
  return new Shared(arena, loadShim());
}

Deno.test("there are as many Ps to have as procs says, each once", () => {
  const { idle } = make(3);
  assertEquals(idle.idlePs, 3);
  const ps = [idle.acquireP(), idle.acquireP(), idle.acquireP()];
  assertEquals(ps.toSorted(), [0, 1, 2]);
  assertEquals(idle.acquireP(), NO_P);
  assertEquals(idle.idlePs, 0);
  idle.releaseP(1);
  assertEquals(idle.idlePs, 1);
  assertEquals(idle.acquireP(), 1);
});

Deno.test("a P beyond a lowered procs is gone once it is released, and back when procs is raised", () => {
  const { idle } = make(3);
  const ps = [idle.acquireP(), idle.acquireP(), idle.acquireP()];
  idle.setProcs(1);
  for (const p of ps) idle.releaseP(p);
  assertEquals(idle.idlePs, 1);
  assertEquals(idle.acquireP(), 0);
  assertEquals(idle.acquireP(), NO_P);
  idle.setProcs(2);
  assertEquals(idle.acquireP(), 1);
  assertEquals(idle.idlePs, 0);
});

Deno.test("an idle P beyond a lowered procs is gone at once", () => {
  const { idle } = make(3);
  idle.setProcs(2);
  assertEquals(idle.idlePs, 2);
  idle.setProcs(256);
  assertEquals(idle.idlePs, 256);
  idle.setProcs(1);
  assertEquals(idle.idlePs, 1);
});

Deno.test("at most half of the busy Ps' number spins", () => {
  const { idle } = make(4);
  for (let i = 0; i < 4; i++) idle.acquireP();
  assertEquals([idle.startSpinning(), idle.startSpinning(), idle.startSpinning()], [true, true, false]);
  assertEquals(idle.spinning, 2);
  idle.stopSpinning();
  assertEquals(idle.spinning, 1);
});

Deno.test("to wake gives one parked M a P and counts it as spinning, however often it is asked for", () => {
  const { idle, parker } = make(2);
  parker.announce(1, SPARE_FUTEX);
  parker.announce(2, KEEPS_P_FUTEX);
  parker.announce(3, PARKED_FUTEX);
  parker.announce(4, PARKED_EVENT_LOOP);
  idle.wake();
  idle.wake();
  assertEquals([1, 2, 3, 4].map((m) => parker.state(m)), [
    SPARE_FUTEX,
    KEEPS_P_FUTEX,
    given(0, true),
    PARKED_EVENT_LOOP,
  ]);
  assertEquals([idle.idlePs, idle.spinning], [1, 1]);
});

Deno.test("to wake when nobody is parked leaves the counts as they were", () => {
  const { idle } = make(2);
  idle.wake();
  assertEquals([idle.idlePs, idle.spinning], [2, 0]);
});

Deno.test("to wake without an idle P wakes nobody", () => {
  const { idle, parker } = make(1);
  idle.acquireP();
  parker.announce(1, PARKED_FUTEX);
  idle.wake();
  assertEquals(parker.state(1), PARKED_FUTEX);
  assertEquals([idle.idlePs, idle.spinning], [0, 0]);
});

Deno.test("the last spinner that finds work wakes another one only if there is more", () => {
  const { idle, parker, global } = make(2);
  idle.acquireP();
  parker.announce(1, PARKED_FUTEX);
  assert(idle.startSpinning());
  idle.foundWork();
  assertEquals(parker.state(1), PARKED_FUTEX);
  assert(idle.startSpinning());
  global.push(5);
  idle.foundWork();
  assertEquals(parker.state(1), given(1, true));
  assertEquals([idle.idlePs, idle.spinning], [0, 1]);
});

Deno.test("work is visible in the global queue and in the rings of Ps that count", () => {
  const { idle, rings, global } = make(2);
  assert(!idle.workVisible());
  rings.push(1, 3);
  assert(idle.workVisible());
  assertEquals(rings.pop(1), 3);
  assert(!idle.workVisible());
  rings.pushNext(0, 3);
  assert(idle.workVisible());
  assertEquals(rings.pop(0), 3);
  global.push(3);
  assert(idle.workVisible());
});

Deno.test("mail to a parked M brings a P with it, if one is idle", () => {
  const { idle, parker, mailbox } = make(1);
  parker.announce(1, PARKED_FUTEX);
  idle.mailOwner(1, 3);
  assert(!mailbox.isEmpty(1));
  assertEquals(parker.state(1), given(0, false));
  assertEquals([idle.idlePs, idle.spinning], [0, 0]);
});

Deno.test("an M with mail and no P to have waits in the global queue, once, until a P is handed to it", () => {
  const { idle, parker, global } = make(1);
  const p = idle.acquireP();
  parker.announce(2, PARKED_EVENT_LOOP);
  idle.mailOwner(2, 3);
  idle.ready(2);
  assertEquals(parker.state(2), PARKED_EVENT_LOOP);
  const notes: number[] = [];
  global.pop(10, (entry) => notes.push(entry));
  assertEquals(notes, [-2]);
  assertEquals(global.length, 0);
  assert(idle.isQueuedForP(2));
  assert(idle.handOff(2, p));
  assert(!idle.isQueuedForP(2));
  assertEquals(parker.state(2), given(p, false));
});

Deno.test("a P is not handed to an M that is awake", () => {
  const { idle, parker } = make(1);
  const p = idle.acquireP();
  idle.queueForP(2);
  assertEquals(idle.handOff(2, p), false);
  assertEquals(parker.state(2), AWAKE);
  assert(!idle.isQueuedForP(2));
});

Deno.test("the host and a dedicated M are woken without a P", () => {
  const { idle, parker, mailbox } = make(1);
  parker.announce(HOST, PARKED_EVENT_LOOP);
  parker.announce(3, KEEPS_P_FUTEX);
  idle.mailOwner(HOST, 1);
  idle.mailRunner(3, 2);
  assertEquals([parker.state(HOST), parker.state(3)], [AWAKE, AWAKE]);
  assertEquals(idle.idlePs, 1);
  assert(!mailbox.isEmpty(HOST) && !mailbox.isEmpty(3));
});

Deno.test("a slot's runner gets one mail at a time", () => {
  const { idle, mailbox } = make(1);
  idle.mailRunner(1, 5);
  idle.mailRunner(1, 5);
  idle.mailRunner(1, 6);
  const slots: number[] = [];
  mailbox.drain(1, (slot) => slots.push(slot));
  assertEquals(slots, [5, 6]);
});

Deno.test("a signal wakes an M in any state, and gives it nothing", () => {
  const { idle, parker, mailbox } = make(1);
  const states = [PARKED_FUTEX, PARKED_EVENT_LOOP, KEEPS_P_FUTEX, SPARE_FUTEX] as const;
  states.forEach((state, i) => parker.announce(i + 1, state));
  for (const m of [1, 2, 3, 4]) idle.signal(m);
  assertEquals([1, 2, 3, 4].map((m) => parker.state(m)), [AWAKE, AWAKE, AWAKE, AWAKE]);
  assertEquals(idle.idlePs, 1);
  assert(mailbox.drain(4, () => {}), "no signal");
});

Deno.test("who takes back its announcement learns of the P that it was given meanwhile", () => {
  const { parker } = make(1);
  parker.announce(1, PARKED_FUTEX);
  assertEquals(parker.retract(1, PARKED_FUTEX), AWAKE);
  parker.announce(1, PARKED_FUTEX);
  assert(parker.unpark(1, PARKED_FUTEX, given(0, true)));
  assert(!parker.unpark(1, PARKED_FUTEX, AWAKE));
  assertEquals(parker.retract(1, PARKED_FUTEX), given(0, true));
  assertEquals(parker.state(1), AWAKE);
});

Deno.test("the host reads its mail before its first task, too", async () => {
  const [counts, bytes] = [{ maxTasks: 16, maxThreads: 4 }, 16 << 20];
  catchArena(bytes);
  await using _sched = await Scheduler.start({ procs: 1, ...counts, arenaBytes: bytes });
  const { idle, mailbox } = on(caughtArena({ ...counts, bytes }));
  idle.signal(HOST);
  await until(() => mailbox.isEmpty(HOST), "it is read");
});

Deno.test("a P that an M has let go is the M's if it is back first, and sysmon's if not", () => {
  const { parker, idle: { ps } } = make(3);
  ps.hold(1, 2);
  ps.hold(0, 3);
  parker.ask(2, AWAKE, LETS_GO);
  assertEquals([parker.keep(2), parker.seize(2), ps.heldBy(2)], [true, false, 1]);
  parker.ask(2, AWAKE, LETS_GO);
  assertEquals([parker.seize(2), parker.keep(2)], [true, false]);
  assertEquals([ps.takeFrom(0, 2), ps.takeFrom(1, 2), ps.takeFrom(1, 2), ps.heldBy(2)], [
    false,
    true,
    false,
    -1,
  ]);
});
