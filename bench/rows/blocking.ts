import type { Row } from "../row.ts";
import { timed } from "../timed.ts";

const calls = 1_000_000;

export const blocking: Row = {
  name: "blocking",
  measure: "a blocking call that does not block: getppid(2), 1,000,000 times",
  unit: "ns",
  better: "lower",
  sides: ["heddle", "go"],
  comparisons: [{ against: ["go"], atLeast: 1.1 }],
  async inside(pool) {
    const elapsed = await timed(
      pool,
      "getppid",
      calls,
      calls,
      (answers) => `${answers} of ${calls} calls returned the parent's number`,
    );
    return elapsed * 1e6 / calls;
  },
};
