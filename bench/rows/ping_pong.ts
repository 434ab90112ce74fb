import type { Row } from "../row.ts";
import { timed } from "../timed.ts";

const rounds = 1_000_000;

export const pingPong: Row = {
  name: "ping-pong",
  measure: "a number to a task of the same thread and back, over two unbuffered channels",
  unit: "ns",
  better: "lower",
  sides: ["heddle", "go", "tokio"],
  comparisons: [{ against: ["go"], atLeast: 1 }, { against: ["tokio"] }],
  async inside(pool) {
    const elapsed = await timed(
      pool,
      "pingPong",
      rounds,
      rounds,
      (counted) => `the ball was counted ${counted} times`,
    );
    return elapsed * 1e6 / rounds;
  },
};
