import { peers, type Row } from "../row.ts";
import { spin } from "../workload.ts";

const tasks = 64;

let expected: number[] | undefined;

export const arithmetic: Row = {
  name: "arithmetic",
  measure: "64 tasks of 5 ms arithmetic, 2 threads",
  unit: "ms",
  better: "lower",
  sides: ["heddle", "loop", "rayon", ...peers],
  comparisons: [
    { against: ["loop"], atLeast: 1.9 },
    ...["rayon", ...peers].map((peer) => ({ against: [peer] })),
  ],
  async inside(pool) {
    expected ??= Array.from({ length: tasks }, (_, seed) => spin(seed));
    const start = performance.now();
    const answers = await Promise.all(expected.map((_, seed) => pool.run("spin", seed)));
    const elapsed = performance.now() - start;
    const wrong = answers.findIndex((answer, seed) => answer !== expected![seed]);
    if (wrong !== -1) throw new Error(`spin(${wrong}) answered ${answers[wrong]}, not ${expected[wrong]}`);
    return elapsed;
  },
};
