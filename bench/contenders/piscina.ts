import { Piscina } from "piscina";
import type { Contender } from "../contender.ts";

/**
 * `atomics` decides how a worker waits: "sync" blocks in Atomics.wait, "async" in Atomics.waitAsync, "disabled" relies
 * on message events. `atOnce` is how many tasks a worker is sent before it has answered one. Statistics are off
 * (`recordTiming`), since nobody reads them here.
 */
const start = (atomics: "sync" | "async" | "disabled", atOnce: number) => (threads: number) => {
  const pool = new Piscina({
    filename: import.meta.resolve("../workload.ts"),
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: atOnce,
    atomics,
    recordTiming: false,
  });
  return { threads, run: (name: string, argument: number) => pool.run(argument, { name }) };
};

export const contender: Contender = {
  version: "5.3.2",
  modes: {
    "sync, all at once": start("sync", 1e6),
    "async, all at once": start("async", 1e6),
    "disabled, all at once": start("disabled", 1e6),
    "sync, 16 at once": start("sync", 16),
    "async, 16 at once": start("async", 16),
    "sync, one at once": start("sync", 1),
    "async, one at once": start("async", 1),
  },
};
