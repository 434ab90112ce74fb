import type { Row } from "../row.ts";

const children = 1_000_000;

export const spawn: Row = {
  name: "spawn",
  measure: "spawn and await a child, 1,000,000 in sequence",
  unit: "ns",
  better: "lower",
  sides: ["heddle", "go"],
  comparisons: [{ against: ["go"], atLeast: 2 }],
  async inside(pool) {
    const start = performance.now();
    const sum = await pool.run("spawn", children);
    const elapsed = performance.now() - start;
    if (sum !== children * (children - 1) / 2) throw new Error(`the children's answers add up to ${sum}`);
    return elapsed * 1e6 / children;
  },
};
