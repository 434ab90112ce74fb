import type { Row } from "../row.ts";
import { timed } from "../timed.ts";

const steps = 300;

export const preemptCost: Row = {
  name: "preempt-cost",
  measure: "a task that computes for half a second on end, nobody waiting; theirs without preemption",
  unit: "ms",
  better: "lower",
  sides: ["heddle", "heddle: cooperative"],
  comparisons: [{ against: ["heddle: cooperative"], atLeast: 0.99 }],
  inside: (pool) => timed(pool, "spins", steps, steps, (did) => `${did} of ${steps} steps were done`),
};
