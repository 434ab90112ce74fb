import type { Report, ReportedRow } from "../../bench/report.ts";

/** A curve of two sides, of which one is left out at its last point. */
const curve: ReportedRow[] = [0, 100, 10_000].map((at) => {
  return {
    name: `crowd-${at}`,
    measure: `in a <crowd>; others: ${at}`,
    unit: "us",
    better: "lower",
    point: { curve: "crowd", title: "in a <crowd>", axis: "others", at },
    samples: { heddle: [10 + at, 11 + at], ...(at < 10_000 && { go: [5, 500] }) },
    verdicts: [],
  };
});

/** Two rows of two sides, in one of which ours takes `ns` and piscina 1,000; and a curve. */
export function exampleReport(ns: number): Report {
  const verdict = { row: "round-trip", ours: ns, against: "piscina", theirs: 1000, ratio: 1000 / ns };
  return {
    machine: "a machine",
    date: "2026-11-22",
    commit: "1234567",
    sides: ["heddle this checkout", "piscina 5"],
    rounds: 3,
    quick: false,
    rows: [
      {
        name: "round-trip",
        measure: "fast <things>",
        unit: "ns",
        better: "lower",
        samples: { heddle: [ns, ns, ns], piscina: [1000, 900, 1100] },
        verdicts: [{ ...verdict, target: "at least 8x", holds: 1000 / ns >= 8 }],
      },
      {
        name: "many",
        measure: "many things",
        unit: "things/s",
        better: "higher",
        samples: { heddle: [100, 100, 100], piscina: [300, 200, 400] },
        verdicts: [{ row: "many", ours: 100, against: "piscina", theirs: 300, ratio: 1 / 3 }],
      },
      ...curve,
    ],
  };
}
