/** Resident memory against what is parked. */
import { curve } from "../curve.ts";
import { peers } from "../row.ts";
import { withIdleThreads } from "./thread_memory.ts";

const MB = 1e6;

const ofTasks = curve(
  { curve: "memory-tasks", title: "resident memory of parked tasks", axis: "tasks that sleep" },
  [1_000, 10_000, 100_000, 1_000_000],
  () => ({
    unit: "MB",
    better: "lower",
    sides: ["heddle: cooperative", "go"],
    async inside(pool, count) {
      await pool.run("noop", 0);
      return await pool.run("park", count);
    },
    fresh: { threads: [1], combine: ([bytes]) => bytes / MB },
  }),
);

const ofThreads = curve(
  { curve: "memory-threads", title: "resident memory of a process with idle threads", axis: "threads" },
  [1, 2, 4, 8, 16],
  (threads) => ({
    unit: "MB",
    better: "lower",
    sides: ["heddle", ...peers],
    inside: withIdleThreads,
    fresh: { threads: [threads], combine: ([bytes]) => bytes / MB },
  }),
);

export const memories = [...ofTasks, ...ofThreads];
