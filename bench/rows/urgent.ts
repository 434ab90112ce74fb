/** Priorities: urgent tasks beside 100,000 background ones, and what these get beside urgent ones without end. */
import type { Row } from "../row.ts";

const milliseconds = { full: 2_000, quick: 400 };

export const urgent: Row[] = [
  {
    name: "urgent-p99",
    measure:
      "p99 of a user-blocking task of 0.1 ms beside 100,000 background ones, on one P, for # ms; in an idle pool",
    unit: "us",
    better: "lower",
    sides: [
      "heddle_urgent: beside a backlog, procs 1",
      "heddle_urgent: beside a backlog",
      "heddle_urgent: idle pool",
    ],
    comparisons: [
      { against: ["heddle_urgent: idle pool"], atLeast: 1 / 3 },
      { against: ["heddle_urgent: beside a backlog"] },
    ],
    size: milliseconds,
    inside: async (pool, ms) => await pool.run("", ms),
  },
  {
    name: "urgent-backlog",
    measure:
      "background tasks of 0.1 ms beside user-blocking ones of which some always wait, for # ms; theirs alone",
    unit: "tasks/s",
    better: "higher",
    sides: ["heddle_urgent: backlog beside a flood", "heddle_urgent: backlog alone"],
    comparisons: [{ against: ["heddle_urgent: backlog alone"], atLeast: 0.05 }],
    size: milliseconds,
    inside: async (pool, ms) => await pool.run("", ms),
  },
];
