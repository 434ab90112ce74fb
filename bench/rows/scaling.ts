/** How the rows that compute grow with threads: the same tasks on 1, 2, 4 and so on, up to the machine's CPUs. */
import { curve } from "../curve.ts";
import type { Row } from "../row.ts";
import * as workload from "../workload.ts";

const TASKS = 64;

const counts: number[] = [];
for (let count = 1; count < navigator.hardwareConcurrency; count *= 2) counts.push(count);
counts.push(navigator.hardwareConcurrency);

function scaling(
  work: "spin" | "mandelbrot" | "parsed" | "digest",
  what: string,
  others: string[] = [],
): Row[] {
  const run = (workload as unknown as Record<string, (n: number) => number>)[work];
  const name = work === "spin" ? "arithmetic" : work;
  const title = `${TASKS} ${what}`;
  return curve({ curve: `scaling-${name}`, title, axis: "threads" }, counts, (threads) => ({
    program: name,
    unit: "ms",
    better: "lower",
    // What threads can reach here without a scheduler, and without a pool.
    sides: ["heddle", "worker", "piscina", ...others],
    fresh: { threads: [threads], combine: ([ms]) => ms },
    async inside(pool) {
      const expected = Array.from({ length: TASKS }, (_, i) => run(i));
      let ms = NaN;
      // The process is new: each thread compiles first.
      for (let warm = 0; warm < 3; warm++) {
        const start = performance.now();
        const answers = await Promise.all(expected.map((_, i) => pool.run(work, i)));
        ms = performance.now() - start;
        const wrong = answers.findIndex((answer, i) => answer !== expected[i]);
        if (wrong !== -1) {
          throw new Error(`${work}(${wrong}) answered ${answers[wrong]}, not ${expected[wrong]}`);
        }
      }
      return ms;
    },
  }));
}

export const scalings = [
  ...scaling("spin", "tasks of 5 ms arithmetic", ["rayon"]),
  ...scaling("mandelbrot", "rows of a Mandelbrot picture"),
  ...scaling("parsed", "documents of 1 MB through JSON.parse"),
  ...scaling("digest", "SHA-256 of a megabyte of a file"),
];
