import { batch } from "./batch.ts";
import { pingPong } from "./ping_pong.ts";
import { roundTrip } from "./round_trip.ts";
import type { Row } from "../row.ts";
import { spawn } from "./spawn.ts";

/** Without `sched_yield` a round trip may take twice as long; what needs nobody to wake up as long as with the shim. */
const targets: [Row, number][] = [[roundTrip, 0.5], [batch, 0.9], [spawn, 0.9], [pingPong, 0.9]];

export const shimless = targets.map(([row, atLeast]): Row => ({
  ...row,
  name: `${row.name}-shimless`,
  measure: `without the native shim, theirs with it: ${row.measure}`,
  sides: ["heddle: shimless", "heddle"],
  comparisons: [{ against: ["heddle"], atLeast }],
}));
