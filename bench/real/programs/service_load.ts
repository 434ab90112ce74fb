import { percentile, type Program, type ProgramMeasure, type Readings } from "../program.ts";
import { requests, serve, summed, WARM_UP } from "./service.ts";

/** Percent of two CPUs that its requests compute; what blocks comes on top, and takes a thread, but no CPU. */
const LOADS = [10, 25, 50, 75, 90] as const;
/** What service.ts asks for: 1 ms in 4 and 100 in 400 of one CPU. */
const ONCE = 25;
/** For how long each load is counted. */
const MS = { full: 5_000, quick: 500 };

const sides = ["heddle: 2", "cooperative: 2", "loop: 1", "piscina: 2", "tinypool: 2"] as const;

function measures(reading: string): ProgramMeasure[] {
  const point = {
    curve: `service-load-${reading}`,
    title: `a service of 1 ms tasks, 100 ms hogs and blocked calls: ${reading} of 1 ms`,
    axis: "load, % of two CPUs",
  };
  return LOADS.map((at) => {
    return {
      name: `${point.curve}-${at}`,
      measure: `${point.title}; ${point.axis}: ${at}`,
      unit: "ms",
      better: "lower",
      sides,
      reading: `${reading} ${at}`,
      point: { ...point, at },
      comparisons: sides.slice(1).map((side) => ({ against: [side] })),
    };
  });
}

/** The service with more and more requests, until no side can serve them all: those wait longer the longer it lasts. */
export const serviceLoad: Program = {
  name: "service-load",
  work: "service",
  sides,
  measures: [...measures("p50"), ...measures("p99")],
  async run(crew, { quick }) {
    const readings: Readings = {};
    const sums: string[] = [];
    for (const load of LOADS) {
      const due = requests(WARM_UP + (quick ? MS.quick : MS.full), load / ONCE);
      const [answers, { answer }] = await serve(crew, due);
      readings[`p50 ${load}`] = percentile(answer, 0.5);
      readings[`p99 ${load}`] = percentile(answer, 0.99);
      sums.push(summed(answers));
    }
    return { readings, answer: sums.join(", ") };
  },
};
