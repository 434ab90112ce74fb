/** How many Ps a scheduler has if nobody says: as many as the process may use CPUs at once. */
import { variable } from "../../ffi/permitted.ts";
import type { Shim } from "../../ffi/shim.ts";
import { MAX_PROCS } from "../arena/layout/p.ts";
import { requireInteger } from "../tasks/options.ts";

export function requireProcs(procs: unknown, what = "procs"): number {
  return requireInteger(what, procs, 1, MAX_PROCS);
}

/** `HEDDLE_PROCS`, if it is set and may be read. */
export function procsOfEnvironment(): number | undefined {
  const wanted = variable("HEDDLE_PROCS");
  return wanted === undefined || wanted === "" ? undefined : requireProcs(Number(wanted), "HEDDLE_PROCS");
}

export function procsOfMachine(shim: Shim): number {
  return Math.max(1, Math.min(shim.cpus(), MAX_PROCS));
}
