import type { Row } from "../row.ts";

const starts = 5;

const others = ["thread_starts: node:worker_threads", "thread_starts: Worker"];

export const threadStart: Row = {
  name: "thread-start",
  measure: "how long the host's event loop stands still as a thread starts",
  unit: "ms",
  better: "lower",
  sides: ["thread_starts: heddle", ...others],
  comparisons: [{ atMost: 5 }, ...others.map((other) => ({ against: [other] }))],
  inside: async (pool) => await pool.run("starts", starts),
};
