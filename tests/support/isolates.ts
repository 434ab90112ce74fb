/** Isolates over an arena of their own, without threads. */
import { loadShim } from "../../ffi/shim.ts";
import { Arena, ISOLATES, leastArenaBytes } from "../../scheduler/arena/memory_layout.ts";
import { Shared } from "../../scheduler/parking/shared.ts";

/** What the host and four Ms have, all of them awake. */
export function fourMs(procs: number): Shared {
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  arena.i32[ISOLATES] = 5;
  const shared = new Shared(arena, loadShim());
  shared.idle.setProcs(procs);
  return shared;
}
