import { type Call, Scheduler } from "@heddle/heddle";
import type { Contender } from "../contender.ts";
import * as kernelTasks from "../kernel_tasks.ts";
import * as tasks from "../tasks.ts";

const byName: Record<string, (argument: number) => Call<number>> = { ...tasks, ...kernelTasks };

export const contender: Contender = {
  version: "this checkout",
  modes: {
    async default(threads) {
      const sched = await Scheduler.start({ procs: threads });
      return { threads, run: (work, argument) => sched.go(byName[work](argument)) };
    },
  },
};
