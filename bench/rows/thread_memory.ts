import type { Pool } from "../contender.ts";
import { residentBytes } from "../resident.ts";
import { peers, type Row } from "../row.ts";

const few = 1;
const many = 9;

/** Resident bytes of the process once all threads of its pool are there, and idle. */
export async function withIdleThreads(pool: Pool): Promise<number> {
  // A pool may start a thread only when there is work for it, so each must be shown to be there. One that was still
  // starting lets another take a second task: then all of them hold for longer.
  for (let ms = 250; ms <= 4_000; ms *= 2) {
    const held = await Promise.all(Array.from({ length: pool.threads }, () => pool.run("hold", ms)));
    if (new Set(held).size === pool.threads) return residentBytes();
  }
  throw new Error(`${pool.threads} tasks that block never had ${pool.threads} threads`);
}

export const threadMemory: Row = {
  name: "thread-memory",
  measure: `resident memory of an idle thread (${many} threads less ${few})`,
  unit: "MB",
  better: "lower",
  sides: ["heddle", ...peers, "worker"],
  comparisons: [{ atMost: 12 }, { against: peers }, { against: ["worker"] }],
  inside: withIdleThreads,
  fresh: {
    threads: [few, many],
    combine: ([withFew, withMany]) => (withMany - withFew) / (many - few) / 1e6,
  },
};
