import type { Row } from "../row.ts";

/** All of them are to fit into `megabytes`. */
function row(name: string, parked: number, megabytes: number): Row {
  return {
    name,
    measure: `resident memory of a task parked on a channel (of ${parked.toLocaleString("en")})`,
    unit: "bytes",
    better: "lower",
    sides: ["heddle: cooperative", "go", "heddle: functions"],
    comparisons: [
      { atMost: megabytes * 1e6 / parked },
      { against: ["go"] },
      { against: ["heddle: functions"] },
    ],
    async inside(pool) {
      await pool.run("noop", 0);
      return await pool.run("parkReceivers", parked);
    },
    fresh: { threads: [1], combine: ([bytes]) => bytes / parked },
  };
}

export const parkedReceivers = row("parked-receivers", 100_000, 120);
/** 1.5 GB, and half a minute for five rounds. */
export const parkedMillion: Row = { ...row("parked-million", 1_000_000, 1200), onlyByName: true };
