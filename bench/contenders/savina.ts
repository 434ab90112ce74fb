import { type Call, Scheduler } from "@heddle/heddle";
import type { Contender, Pool } from "../contender.ts";

const started = (procs: number) => async (): Promise<Pool> => {
  const sched = await Scheduler.start({ procs });
  return {
    threads: procs,
    async run(work, size) {
      const { run }: { run: (size: number) => Call<number> } = await import(`../savina/${work}.ts`);
      return await sched.go(run(size));
    },
  };
};

/** The programs in savina/, each one task that starts others. */
export const contender: Contender = {
  version: "this checkout",
  modes: { "2": started(2), "1": started(1) },
};
