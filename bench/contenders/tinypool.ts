import { Tinypool } from "tinypool";
import type { Contender } from "../contender.ts";

/** `useAtomics` blocks an idle worker in Atomics.wait; `atOnce`: tasks that a worker is sent before it has answered. */
const start = (useAtomics: boolean, atOnce: number) => (threads: number) => {
  const pool = new Tinypool({
    filename: import.meta.resolve("../workload.ts"),
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: atOnce,
    useAtomics,
  });
  return { threads, run: (name: string, argument: number) => pool.run(argument, { name }) };
};

export const contender: Contender = {
  version: "2.2.0",
  modes: {
    "messages, all at once": start(false, 1e6),
    "atomics, all at once": start(true, 1e6),
    "messages, 16 at once": start(false, 16),
    "atomics, 16 at once": start(true, 16),
    "messages, one at once": start(false, 1),
    "atomics, one at once": start(true, 1),
  },
};
