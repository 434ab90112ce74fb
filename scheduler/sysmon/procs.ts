/**
 * How many Ps a scheduler has if nobody says: as many CPUs as the process may use at once. Go 1.25 does the same: the
 * affinity mask (of the main thread), and the tightest CPU quota of the cgroups on the path to the root, rounded up.
 */
import type { Shim } from "../../ffi/shim.ts";
import { MAX_PROCS } from "../arena/layout/p.ts";
import { requireInteger } from "../tasks/options.ts";

export function requireProcs(procs: unknown, what = "procs"): number {
  return requireInteger(what, procs, 1, MAX_PROCS);
}

/** `HEDDLE_PROCS`, if it is set and may be read. */
export function procsOfEnvironment(): number | undefined {
  const wanted = may({ name: "env", variable: "HEDDLE_PROCS" }) ? Deno.env.get("HEDDLE_PROCS") : undefined;
  return wanted === undefined || wanted === "" ? undefined : requireProcs(Number(wanted), "HEDDLE_PROCS");
}

/** What there is no permission to read does not count. */
export function procsOfMachine(shim: Shim): number {
  const cpus = shim.getAffinity(Deno.pid).length;
  return Math.max(1, Math.min(cpus, Math.ceil(cgroupCpus(readIfAllowed)), MAX_PROCS));
}

/** The tightest quota in CPUs, or Infinity. `read` returns undefined for what is not there. */
export function cgroupCpus(read: (path: string) => string | undefined): number {
  let tightest = Infinity;
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const isV2 = controllers === "";
    if (!isV2 && !controllers.split(",").includes("cpu")) continue;
    for (const folder of toRoot(path)) {
      const quota = isV2
        ? read(`/sys/fs/cgroup${folder}/cpu.max`)
        : `${read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`)} ${
          read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`)
        }`;
      const [limit, period] = (quota ?? "").trim().split(/\s+/).map(Number);
      // Also "max" and -1, for no quota, are not above 0 then.
      if (limit > 0 && limit / period > 0) tightest = Math.min(tightest, limit / period);
    }
  }
  return tightest;
}

function toRoot(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return Array.from(
    { length: parts.length + 1 },
    (_, i) => parts.slice(0, parts.length - i).map((p) => `/${p}`).join(""),
  );
}

function may(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

function readIfAllowed(path: string): string | undefined {
  if (!may({ name: "read", path })) return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
