import type { Row } from "../row.ts";

// Some hundred ms: far above one time slice.
const trips = 20_000;

const floors = ["pthreads: pipes", "pthreads: pipes on one CPU", "pthreads: pipes on two CPUs"];

export const pipePingPong: Row = {
  name: "pipe-ping-pong",
  measure: "round trip of a byte between two tasks, by blocking reads and writes of pipes",
  unit: "us",
  better: "lower",
  sides: ["heddle", "go", ...floors],
  // What it costs at the least depends on where the kernel puts the two threads: so C's are beside it.
  comparisons: [{ against: ["go"], atLeast: 1 }, ...floors.map((floor) => ({ against: [floor] }))],
  async inside(pool) {
    return await pool.run("pipePingPong", trips);
  },
};
