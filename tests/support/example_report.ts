import type { Report } from "../../bench/report.ts";

/** Two rows of two sides, in one of which ours takes `ns` and piscina 1,000. */
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
    ],
  };
}
