import type { Row } from "../row.ts";

const parked = 100_000;

export const parkedMemory: Row = {
  name: "parked-memory",
  measure: "resident memory of a parked task (of 100,000)",
  unit: "bytes",
  better: "lower",
  sides: ["heddle: cooperative", "go", "heddle: functions"],
  comparisons: [{ atMost: 1024 }, { against: ["go"] }, { against: ["heddle: functions"] }],
  async inside(pool) {
    await pool.run("noop", 0);
    return await pool.run("park", parked);
  },
  fresh: { threads: [1], combine: ([bytes]) => bytes / parked },
};
