import { type Remote, wrap } from "comlink";
import type { Contender } from "../contender.ts";

type Works = Record<string, (n: number) => number>;

/** It is no pool: calls go to the workers in turn. */
export const contender: Contender = {
  version: "4.4.2",
  modes: {
    "in turn": (threads) => {
      const workers = Array.from({ length: threads }, (): Remote<Works> => {
        return wrap(new Worker(import.meta.resolve("./comlink_worker.ts"), { type: "module" }));
      });
      let next = 0;
      return { threads, run: (work, argument) => workers[next++ % threads][work](argument) };
    },
  },
};
