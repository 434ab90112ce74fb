import { Scheduler } from "@heddle/heddle";
import { kinds, work } from "../../tests/tasks/hogging.ts";
import type { Contender, Pool } from "../contender.ts";
import { burn } from "../tasks.ts";

/** Milliseconds between the short tasks. */
const INTERVAL = 5;

/**
 * One hog for each P computes for so long. Meanwhile short tasks are started at fixed times, however late those before
 * are. Returns the 99th percentile of how long one took.
 */
async function beside(sched: Scheduler, kind: string, ms: number): Promise<number> {
  const hogs = Array.from({ length: sched.procs }, () => sched.go(work(kinds.find((k) => k === kind)!, ms)));
  const taken: Promise<number>[] = [];
  const start = performance.now();
  for (let at = 0; at < ms; at += INTERVAL) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + at - performance.now())));
    taken.push(sched.go(burn(1)).then(() => performance.now() - start - at));
  }
  const sorted = (await Promise.all(taken)).sort((a, b) => a - b);
  await Promise.all(hogs);
  return sorted[Math.ceil(sorted.length * 0.99) - 1];
}

function modeOf(preempt: boolean): (threads: number) => Promise<Pool> {
  return async (threads) => {
    const sched = await Scheduler.start({ procs: threads, preempt });
    return { threads, run: (kind, ms) => beside(sched, kind, ms) };
  };
}

export const contender: Contender = {
  version: "this checkout",
  modes: { preempted: modeOf(true), cooperative: modeOf(false) },
};
