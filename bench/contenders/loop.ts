import type { Contender, Pool } from "../contender.ts";
import * as workload from "../workload.ts";

const byName: Record<string, (argument: number) => number> = { ...workload } as never;

/** No pool at all: the work runs at the call, in the only thread there is. */
export const contender: Contender = {
  version: "plain calls in one thread",
  modes: {
    default: (): Pool => ({ threads: 1, run: (work, argument) => Promise.resolve(byName[work](argument)) }),
  },
};
