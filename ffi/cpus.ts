/**
 * As many CPUs as the process may use at once, as Go 1.25 counts them: the affinity mask (of the main thread), and the
 * tightest CPU quota of the cgroups on the path to the root, rounded up.
 */
import { textOf } from "./permitted.ts";

/** What there is no permission to read does not count. */
export function cpusWithin(affinity: readonly number[]): number {
  return Math.min(affinity.length, Math.ceil(cgroupCpus(textOf)));
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
