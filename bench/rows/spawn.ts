import type { Row } from "../row.ts";
import { timed } from "../timed.ts";

const children = 1_000_000;

export const spawn: Row = {
  name: "spawn",
  measure: "spawn and await a child, 1,000,000 in sequence",
  unit: "ns",
  better: "lower",
  sides: ["heddle", "go", "tokio"],
  comparisons: [{ against: ["go"], atLeast: 2 }, { against: ["tokio"] }],
  async inside(pool) {
    const elapsed = await timed(
      pool,
      "spawn",
      children,
      children * (children - 1) / 2,
      (sum) => `the children's answers add up to ${sum}`,
    );
    return elapsed * 1e6 / children;
  },
};
