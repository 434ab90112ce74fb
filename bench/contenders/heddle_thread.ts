import { Scheduler } from "@heddle/heddle";
import type { Contender } from "../contender.ts";
import { identity } from "../foreign.ts";

/** `sched.thread`: all calls on one native thread. */
export const contender: Contender = {
  version: "this checkout",
  modes: {
    async default() {
      const sched = await Scheduler.start({ procs: 1 });
      const thread = await sched.thread();
      const { symbols } = thread.dlopen(identity.library, identity.symbols);
      return { threads: 1, run: (_work, argument) => symbols.identity(argument) };
    },
  },
};
