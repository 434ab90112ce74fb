import { fileURLToPath } from "node:url";
import { FixedThreadPool, type PoolOptions, type WorkerChoiceStrategy } from "poolifier";
import type { Worker } from "node:worker_threads";
import type { Contender } from "../contender.ts";

const script = fileURLToPath(import.meta.resolve("./poolifier_worker.ts"));

const start =
  (workerChoiceStrategy: WorkerChoiceStrategy, queue: PoolOptions<Worker>) => (threads: number) => {
    const pool = new FixedThreadPool<number, number>(threads, script, {
      workerChoiceStrategy,
      errorHandler: (error) => {
        throw error;
      },
      ...queue,
    });
    return { threads, run: (work: string, argument: number) => pool.execute(argument, work) };
  };

/** poolifier's own queue, which sends a worker at most `concurrency` tasks at once and can steal between workers. */
const queued = (concurrency: number) => ({ enableTasksQueue: true, tasksQueueOptions: { concurrency } });

export const contender: Contender = {
  version: "5.3.2",
  modes: {
    "queue, all at once": start("ROUND_ROBIN", queued(1e6)),
    "no queue": start("ROUND_ROBIN", {}),
    "no queue, least used": start("LEAST_USED", {}),
    "queue, all at once, least used": start("LEAST_USED", queued(1e6)),
    "queue, 16 at once": start("ROUND_ROBIN", queued(16)),
    "queue, one at once": start("ROUND_ROBIN", queued(1)),
  },
};
