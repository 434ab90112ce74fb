/**
 * What the `DedicateOSThread` proposal for Go claims, as two figures: how long a request takes to a server in each of the four places,
 * in a growing crowd. Go has three of them.
 */
import { curve } from "../curve.ts";
import type { Row } from "../row.ts";

const CROWD = [0, 1, 10, 100, 1_000];

const sides = [
  "heddle_crowded: dedicated",
  "heddle_crowded: locked",
  "heddle_crowded: blocking",
  "heddle_crowded: pool",
  "go: locked",
  "go: blocking",
  "go: pool",
];

function crowded(crowd: "tasks" | "threads", title: string, axis: string): Row[] {
  return curve({ curve: `crowded-${crowd}`, title, axis }, CROWD, () => ({
    unit: "us",
    better: "lower",
    sides,
    inside: async (pool, count) => await pool.run(crowd, count),
  }));
}

export const crowds = [
  ...crowded("tasks", "from a request to the server that it wakes, others compute", "tasks that compute"),
  ...crowded("threads", "from a request to the server that it wakes, others block", "threads in a call"),
];
