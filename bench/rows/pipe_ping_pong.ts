import type { Row } from "../row.ts";

// Some hundred ms: far above one time slice.
const trips = 20_000;

export const pipePingPong: Row = {
  name: "pipe-ping-pong",
  measure: "round trip of a byte between two tasks, by blocking reads and writes of pipes",
  unit: "us",
  better: "lower",
  sides: ["heddle", "go"],
  comparisons: [{ against: ["go"], atLeast: 0.667 }], // at most 1.5 times Go's
  async inside(pool) {
    return await pool.run("pipePingPong", trips);
  },
};
