import { assertEquals } from "@std/assert";
import { NO_P } from "../../../scheduler/parking/idle.ts";
import { fourMs } from "../../support/isolates.ts";

Deno.test("there are as many Ps to have as procs says, each once", () => {
  const { idle } = fourMs(3);
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
  const { idle } = fourMs(3);
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
  const { idle } = fourMs(3);
  idle.setProcs(2);
  assertEquals(idle.idlePs, 2);
  idle.setProcs(256);
  assertEquals(idle.idlePs, 256);
  idle.setProcs(1);
  assertEquals(idle.idlePs, 1);
});

Deno.test("at most half of the busy Ps' number spins", () => {
  const { idle } = fourMs(4);
  for (let i = 0; i < 4; i++) idle.acquireP();
  assertEquals([idle.startSpinning(), idle.startSpinning(), idle.startSpinning()], [true, true, false]);
  assertEquals(idle.spinning, 2);
  idle.stopSpinning();
  assertEquals(idle.spinning, 1);
});
