/** For how long the event loop of who starts a thread stands still. */
import { Worker as NodeWorker } from "node:worker_threads";
import { Scheduler } from "@heddle/heddle";
import type { Contender, Pool } from "../contender.ts";
import { median } from "../rounds.ts";
import { noop } from "../tasks.ts";

/** Milliseconds from one look to the next. */
const LOOK = 1;
/** Milliseconds from the start of one thread to that of the next: by then it is there, and all that its start brings about. */
const APART = 300;

/** The longest time between two turns of the event loop while `work` goes on, in milliseconds. */
async function longestStall(work: () => Promise<void>): Promise<number> {
  let [longest, last] = [0, performance.now()];
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - LOOK);
    last = now;
  };
  const timer = setInterval(look, LOOK);
  await work();
  clearInterval(timer);
  return longest;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** `start` starts one thread. Runs give the median of so many starts. */
function starting(start: () => Promise<void>): Pool {
  return {
    threads: 1,
    async run(_work, starts) {
      const stalls: number[] = [];
      for (let i = 0; i < starts; i++) {
        stalls.push(
          await longestStall(async () => {
            await start();
            await pause(APART);
          }),
        );
      }
      return median(stalls);
    },
  };
}

const script = (hello: string) => new URL(`data:text/javascript,${hello}`);

export const contender: Contender = {
  version: "this checkout",
  modes: {
    /** A dedicated task takes the spare, and the host starts another one. */
    async heddle() {
      const sched = await Scheduler.start({ procs: 1 });
      await sched.go(noop(0));
      await pause(1000);
      return starting(async () => void await sched.dedicate(noop(0)));
    },
    "node:worker_threads": () =>
      starting(() =>
        new Promise((resolve) => {
          const hello = "import { parentPort } from 'node:worker_threads'; parentPort.postMessage(0);";
          new NodeWorker(script(hello)).once("message", () => resolve());
        })
      ),
    Worker: () =>
      starting(() =>
        new Promise((resolve) => {
          new Worker(script("postMessage(0); close();"), { type: "module" }).onmessage = () => resolve();
        })
      ),
  },
};
