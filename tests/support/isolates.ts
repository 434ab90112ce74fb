/** Isolates over an arena of their own, without threads. */
import { loadShim } from "../../ffi/shim.ts";
import { Arena, leastArenaBytes } from "../../scheduler/arena/arena.ts";
import { ISOLATES } from "../../scheduler/arena/layout/header.ts";
import { Shared } from "../../scheduler/parking/shared.ts";
import { Isolate, type Loop } from "../../scheduler/sync/isolate.ts";

/** What the host and four Ms have, all of them awake. */
export function fourMs(procs: number): Shared {
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  arena.i32[ISOLATES] = 5;
  const shared = new Shared(arena, loadShim());
  shared.idle.setProcs(procs);
  return shared;
}

/** What these share: objects and values. Nothing of theirs waits for a loop. */
export function fourIsolates(shared: Shared = fourMs(1)): Isolate[] {
  const loop = { mayRun: true } as Loop;
  return Array.from({ length: 5 }, (_, number) => new Isolate(shared, number, loadShim(), loop));
}
