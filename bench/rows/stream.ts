import type { Row } from "../row.ts";
import { timed } from "../timed.ts";

const values = 1_000_000;

/** Between two threads on both sides: left to themselves goroutines take turns on one, and so may tasks. */
export const stream: Row = {
  name: "stream",
  measure: "numbers from one thread to another through a channel with room for 64",
  unit: "values/s",
  better: "higher",
  sides: ["heddle", "go", "tokio"],
  comparisons: [{ against: ["go"], atLeast: 1 }, { against: ["tokio"] }],
  async inside(pool) {
    const elapsed = await timed(
      pool,
      "stream",
      values,
      values * (values - 1) / 2,
      (sum) => `the values add up to ${sum}`,
    );
    return values / elapsed * 1e3;
  },
};
