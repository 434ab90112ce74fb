import { bare, onNode, peers, type Row } from "../row.ts";

const tasks = 50_000;

export const batch: Row = {
  name: "batch",
  measure: "50,000 trivial tasks submitted at once",
  unit: "tasks/s",
  better: "higher",
  sides: ["heddle", ...peers, ...bare, ...onNode],
  comparisons: [
    { against: peers, atLeast: 8 },
    ...[...peers, ...bare, ...onNode].map((each) => ({ against: [each] })),
  ],
  async inside(pool) {
    const start = performance.now();
    const answers = await Promise.all(Array.from({ length: tasks }, (_, i) => pool.run("noop", i)));
    const seconds = (performance.now() - start) / 1000;
    const wrong = answers.findIndex((answer, i) => answer !== i);
    if (wrong !== -1) throw new Error(`noop(${wrong}) answered ${answers[wrong]}`);
    return tasks / seconds;
  },
};
