import type { Row } from "../row.ts";

export const retake: Row = {
  name: "retake",
  measure: "from a task's blocking read to the start of the task behind it, procs = 1",
  unit: "us",
  better: "lower",
  sides: ["heddle", "go"],
  comparisons: [{ atMost: 2_000 }, { against: ["go"] }],
  async inside(pool) {
    return await pool.run("retake", 200);
  },
  fresh: { threads: [1], combine: ([us]) => us },
};
