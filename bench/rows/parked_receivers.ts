import type { Row } from "../row.ts";

const parked = 100_000;

export const parkedReceivers: Row = {
  name: "parked-receivers",
  measure: "resident memory of a task parked on a channel (of 100,000)",
  unit: "bytes",
  better: "lower",
  sides: ["heddle: cooperative", "go"],
  // All of them are to fit into 150 MB.
  comparisons: [{ atMost: 1500 }, { against: ["go"] }],
  async inside(pool) {
    await pool.run("noop", 0);
    return await pool.run("parkReceivers", parked);
  },
  fresh: { threads: [1], combine: ([bytes]) => bytes / parked },
};
