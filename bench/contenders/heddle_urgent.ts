/** Urgent tasks beside a backlog in the background: how long they take, and how the backlog gets on. */
import { Channel, Scheduler } from "@heddle/heddle";
import type { Contender, Pool } from "../contender.ts";
import { takes } from "../urgent_tasks.ts";

const BACKLOG = 100_000;
/** Microseconds of a task, urgent or not. So the backlog lasts for 5 s on two threads, which is longer than it is looked at. */
const US = 100;
/** Urgent tasks that are under way where there are always some. */
const FLOOD = 16;

/** Urgent tasks before those that count. */
const WARM = 100;

type Measure = (sched: Scheduler, until: number) => Promise<number>;

/** Microseconds from a start to its end, the 99th percentile: one urgent task after the other. */
async function p99(sched: Scheduler, until: number): Promise<number> {
  const took: number[] = [];
  while (Date.now() < until) {
    const begun = performance.now();
    await sched.go(takes(US), { priority: "user-blocking" });
    took.push(1000 * (performance.now() - begun));
  }
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.99)];
}

/** There are always urgent tasks that wait. */
async function flood(sched: Scheduler, until: number): Promise<number> {
  const one = async () => {
    while (Date.now() < until) await sched.go(takes(US), { priority: "user-blocking" });
  };
  await Promise.all(Array.from({ length: FLOOD }, one));
  return 0;
}

const nothing: Measure = async (_sched, until) => {
  await new Promise((resolve) => setTimeout(resolve, until - Date.now()));
  return 0;
};

/** How many of the backlog end in a second is what comes of it, if that is asked for; else what `measure` says. */
function beside(backlog: number, measure: Measure, isRate: boolean): (threads: number) => Promise<Pool> {
  return async (threads) => {
    const sched = await Scheduler.start({ procs: threads });
    return {
      threads,
      async run(_work, ms) {
        const over = new Channel<never>(sched);
        let done = 0;
        const all = Array.from({ length: backlog }, async () => {
          const computed = await sched.go(takes(US, over), { priority: "background" });
          done += computed;
        });
        // What has ended meanwhile is read, and threads are there.
        for (let n = 0; n < WARM; n++) await sched.go(takes(US), { priority: "user-blocking" });
        const [begun, before] = [performance.now(), done];
        const measured = await measure(sched, Date.now() + ms);
        const rate = (done - before) / (performance.now() - begun) * 1000;
        if (backlog > 0 && done === backlog) throw new Error(`no backlog of ${backlog} was left`);
        over.close();
        await Promise.all(all);
        return isRate ? rate : measured;
      },
    };
  };
}

export const contender: Contender = {
  version: "this checkout",
  modes: {
    "beside a backlog": beside(BACKLOG, p99, false),
    // Where tasks have all CPUs, the kernel lets the host wait for one, whatever is urgent.
    "beside a backlog, procs 1": () => beside(BACKLOG, p99, false)(1),
    "idle pool": () => beside(0, p99, false)(1),
    "backlog beside a flood": beside(BACKLOG, flood, true),
    "backlog alone": beside(BACKLOG, nothing, true),
  },
};
