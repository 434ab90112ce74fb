import { peers, type Row } from "../row.ts";
import * as workload from "../workload.ts";

const tasks = 64;

/** Tasks that compute by a function of the workload, started at once: time until all are done. */
function row(
  name: string,
  measure: string,
  { atLeast, others = [], sides = [] }: { atLeast?: number; others?: string[]; sides?: readonly string[] } =
    {},
): Row {
  const work = (workload as unknown as Record<string, (n: number) => number>)[name];
  let expected: number[] | undefined;
  const theirs = [...others, ...peers, ...sides];
  return {
    name: name === "spin" ? "arithmetic" : name,
    measure: `${tasks} ${measure}, 2 threads`,
    unit: "ms",
    better: "lower",
    sides: ["heddle", "loop", ...theirs],
    comparisons: [{ against: ["loop"], atLeast }, ...theirs.map((each) => ({ against: [each] }))],
    async inside(pool) {
      expected ??= Array.from({ length: tasks }, (_, i) => work(i));
      const start = performance.now();
      const answers = await Promise.all(expected.map((_, i) => pool.run(name, i)));
      const elapsed = performance.now() - start;
      const wrong = answers.findIndex((answer, i) => answer !== expected![i]);
      if (wrong !== -1) {
        throw new Error(`${name}(${wrong}) answered ${answers[wrong]}, not ${expected[wrong]}`);
      }
      return elapsed;
    },
  };
}

export const computing = [
  row("spin", "tasks of 5 ms arithmetic", { atLeast: 1.95, others: ["rayon"], sides: ["worker"] }),
  row("mandelbrot", "rows of a Mandelbrot picture, of which some take longer", { sides: ["worker"] }),
  row("parsed", "documents of 1 MB through JSON.parse", { sides: ["worker"] }),
  row("digest", "SHA-256 of a megabyte of a file", { sides: ["worker"] }),
];
