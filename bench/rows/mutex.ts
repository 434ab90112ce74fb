import type { Row } from "../row.ts";
import { timed } from "../timed.ts";

const rounds = 1_000_000;

export const mutex: Row = {
  name: "mutex",
  measure: "lock and unlock a mutex that nobody else wants, with its await",
  unit: "ns",
  better: "lower",
  sides: ["heddle", "go"],
  comparisons: [{ against: ["go"], atLeast: 0.2 }],
  async inside(pool) {
    const elapsed = await timed(pool, "mutex", rounds, rounds, (counted) => `it was locked ${counted} times`);
    return elapsed * 1e6 / rounds;
  },
};
