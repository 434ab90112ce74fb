/**
 * What the `DedicateOSThread` proposal for Go claims, as figures: how long a request takes to a server in each of the four places, in
 * a growing crowd. Go has three of them. The request comes from outside, or from a task of the pool: why there are both is in the
 * README, under "Curves".
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

function crowded(work: string, title: string, axis: string): Row[] {
  return curve({ curve: work, title, axis }, CROWD, () => ({
    unit: "us",
    better: "lower",
    sides,
    inside: async (pool, count) => await pool.run(work, count),
  }));
}

export const crowds = [
  ...crowded(
    "outside-tasks",
    "from a request from outside to the server that it wakes, others compute",
    "tasks that compute",
  ),
  ...crowded(
    "outside-threads",
    "from a request from outside to the server that it wakes, others block",
    "threads in a call",
  ),
  ...crowded(
    "crowded-tasks",
    "from a task's request to the server that it wakes, others compute",
    "tasks that compute",
  ),
  ...crowded(
    "crowded-threads",
    "from a task's request to the server that it wakes, others block",
    "threads in a call",
  ),
];
