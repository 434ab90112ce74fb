import { fileURLToPath } from "node:url";
import workerpool from "workerpool";
import type { Contender } from "../contender.ts";

const script = fileURLToPath(import.meta.resolve("./workerpool_worker.ts"));

/**
 * workerpool hands a worker its next task when it has answered the last one, and has no option for more. Its other
 * worker type that is a thread, "web", fails under Deno (a web worker may not read `process.connected`).
 */
export const contender: Contender = {
  version: "10.0.3",
  modes: {
    thread(threads) {
      const pool = workerpool.pool(script, {
        minWorkers: threads,
        maxWorkers: threads,
        workerType: "thread",
      });
      return { threads, run: (work, argument) => pool.exec(work, [argument]) };
    },
  },
};
