import { Channel, Scheduler } from "@heddle/heddle";
import { loadShim } from "../../ffi/shim.ts";
import type { Contender, Pool } from "../contender.ts";
import { median } from "../rounds.ts";
import {
  answers,
  answersHere,
  asks,
  asksHere,
  computes,
  opensHere,
  type Place,
  wakes,
} from "../server_tasks.ts";

const shim = loadShim();

/** Tasks of each P that compute while something is measured beside them. */
const HOGS = 2;

async function server(sched: Scheduler, place: Place, times: number): Promise<number> {
  const [ready, questions, replies] = Array.from({ length: 3 }, () => new Channel<number>(sched));
  const serving = sched.go(answers(place, ready, questions, replies));
  await ready.recv();
  const us = await sched.go(asks(times, questions, replies));
  questions.close();
  await serving;
  return us;
}

/** The median time from a message of the host to the task that it wakes, in the pool's busiest time. */
async function wake(sched: Scheduler, place: Place, times: number): Promise<number> {
  const [ready, calls, replies] = Array.from({ length: 3 }, () => new Channel<number>(sched));
  const woken = sched.go(wakes(place, ready, calls, replies));
  await ready.recv();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const hogs = Array.from({ length: HOGS * sched.procs }, () => sched.go(computes(stop.buffer)));
  const samples: number[] = [];
  for (let i = 0; i < times; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await calls.send(shim.nowNs());
    samples.push(await replies.recv());
  }
  Atomics.store(stop, 0, 1);
  calls.close();
  await Promise.all([woken, ...hogs]);
  return median(samples);
}

function modeOf(place: Place): (threads: number) => Promise<Pool> {
  return async (threads) => {
    const sched = await Scheduler.start({ procs: threads });
    return { threads, run: (work, times) => (work === "wake" ? wake : server)(sched, place, times) };
  };
}

export const contender: Contender = {
  version: "this checkout",
  modes: {
    dedicated: modeOf("dedicated"),
    locked: modeOf("locked"),
    pool: modeOf("pool"),
    async locker(threads) {
      const sched = await Scheduler.start({ procs: threads });
      const locker = await sched.locker();
      return {
        threads,
        async run(_work, times) {
          await locker.go(opensHere());
          const serving = locker.go(answersHere());
          const us = await locker.go(asksHere(times));
          await serving;
          return us;
        },
      };
    },
  },
};
