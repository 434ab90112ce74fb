import type { Row } from "../row.ts";

export const sieve: Row = {
  name: "sieve",
  measure: "the 1000th prime by a task for each prime, over unbuffered channels",
  unit: "ms",
  better: "lower",
  sides: ["heddle", "go"],
  comparisons: [{ against: ["go"], atLeast: 1 }],
  async inside(pool) {
    const start = performance.now();
    const prime = await pool.run("sieve", 1000);
    if (prime !== 7919) throw new Error(`the 1000th prime is ${prime}`);
    return performance.now() - start;
  },
};
