import { move, Scheduler } from "@heddle/heddle";
import type { Contender } from "../contender.ts";
import { ofItsOwn, payload, shared } from "../payload.ts";
import { copied, moved } from "../payload_tasks.ts";

type Way = (sched: Scheduler, length: number) => Promise<number>;

const modeOf = (way: Way) => async (threads: number) => {
  const sched = await Scheduler.start({ procs: threads });
  return { threads, run: (_work: string, length: number) => way(sched, length) };
};

/** The three ways in which a task can get bytes, and give them back. */
export const contender: Contender = {
  version: "this checkout",
  modes: {
    copied: modeOf((sched, length) => payload(length, ofItsOwn, (bytes) => sched.go(copied(bytes)))),
    moved: modeOf((sched, length) => payload(length, ofItsOwn, (bytes) => sched.go(moved(move(bytes))))),
    shared: modeOf((sched, length) => payload(length, shared, (bytes) => sched.go(copied(bytes)))),
  },
};
