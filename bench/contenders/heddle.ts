import { type Call, Scheduler } from "@heddle/heddle";
import type { Contender } from "../contender.ts";
import * as channelTasks from "../channel_tasks.ts";
import * as kernelTasks from "../kernel_tasks.ts";
import * as tasks from "../tasks.ts";

const byName = { ...tasks, ...channelTasks, ...kernelTasks } as never as Record<
  string,
  (argument: number) => Call<number>
>;

export const contender: Contender = {
  version: "this checkout",
  modes: {
    async default(threads) {
      const sched = await Scheduler.start({ procs: threads });
      return { threads, run: (work, argument) => sched.go(byName[work](argument)) };
    },
  },
};
