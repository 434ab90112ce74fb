import { Scheduler } from "@heddle/heddle";
import type { Contender } from "../contender.ts";
import { identity } from "../foreign.ts";

/** `sched.dlopen`: the pool of native threads. */
export const contender: Contender = {
  version: "this checkout",
  modes: {
    async default(threads) {
      const sched = await Scheduler.start({ procs: 1 });
      const { symbols } = sched.dlopen(identity.library, identity.symbols);
      return { threads, run: (_work, argument) => symbols.identity(argument) };
    },
  },
};
