import { type Call, move, Scheduler } from "@heddle/heddle";
import type { Contender, Pool } from "../contender.ts";
import * as channelTasks from "../channel_tasks.ts";
import * as kernelTasks from "../kernel_tasks.ts";
import * as tasks from "../tasks.ts";

const byName = { ...tasks, ...channelTasks, ...kernelTasks } as never as Record<
  string,
  (argument: number) => Call<number>
>;

function modeOf(preempt: boolean): (threads: number) => Promise<Pool> {
  return async (threads) => {
    const sched = await Scheduler.start({ procs: threads, preempt });
    return { threads, run: (work, argument) => sched.go(byName[work](argument)) };
  };
}

/** What the environment says holds for the whole process: it is this mode's own. */
function shimless(threads: number): Promise<Pool> {
  Deno.env.set("HEDDLE_TIER", "none");
  return modeOf(false)(threads);
}

/** Bytes are given up on both sides; work that has none is as ever. */
async function moved(threads: number): Promise<Pool> {
  const sched = await Scheduler.start({ procs: threads });
  const callOf = (work: string, argument: number) =>
    Object.hasOwn(byName, `${work}Moved`) ? byName[`${work}Moved`](move(argument)) : byName[work](argument);
  return { threads, run: (work, argument) => sched.go(callOf(work, argument)) };
}

/** Async functions in place of tasks. */
async function functions(threads: number): Promise<Pool> {
  const pool = await modeOf(false)(threads);
  return {
    threads,
    run: (work, argument) => pool.run(work.startsWith("park") ? "parkFunctions" : work, argument),
  };
}

export const contender: Contender = {
  version: "this checkout",
  // What is parked in one thread's memory is measured there: no other one may get a turn and take a part of it.
  modes: { default: modeOf(true), cooperative: modeOf(false), moved, shimless, functions },
};
