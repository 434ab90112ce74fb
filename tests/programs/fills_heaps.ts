/** Threads' heaps are full: as threads start, as a module is imported, as tasks compute, and as the scheduler closes. */
import "../support/heavy_threads.ts";
import { isMainThread, Worker } from "node:worker_threads";
import { Scheduler, type Task, task } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { fillHeap, fillHeapAfterRest } from "../tasks/dying.ts";
import { answer } from "../tasks/hogging.ts";
import { busyUntil } from "../tasks/occupying.ts";

/** V8 does not notice the limit in the code that it optimises this to. */
export const fillsArrays = task(import.meta, "fillsArrays", (): never => {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(1000).fill({}));
});

/** As if its module had defined it on the host too. */
const fillsAsItLoads = task(
  {
    url: `data:text/javascript,for (const kept = [];;) kept.push(Array(1e4).fill(kept.length))`,
  } as ImportMeta,
  "fillsAsItLoads",
  () => {},
);

if (isMainThread) await main();

function statusOf(name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(Deno.readTextFileSync("/proc/self/status"))![1]);
}

function errorOf(promise: PromiseLike<unknown>): PromiseLike<string> {
  return promise.then(() => "done", (error) => `${error.name}: ${error.message}`);
}

async function main(): Promise<void> {
  let started = 0;
  const { unref } = Worker.prototype;
  Worker.prototype.unref = function (this: Worker) {
    started++;
    unref.call(this);
  };

  Deno.env.set("HEAVY", "1");
  console.log("starting:", await errorOf(Scheduler.start({ procs: 1, heapLimitMb: 16 })));
  Deno.env.delete("HEAVY");

  const sched = await Scheduler.start({ procs: 1, heapLimitMb: 50 });
  const [goes, end] = [new Flag(), new Flag()];
  const watched = sched.go(busyUntil(goes.buffer, end.buffer));
  await sched.go(answer(2, 1));
  console.log("the watchdog is up:", watched.state);
  end.value = 1;
  await until(() => sched.stats().threads === 2 && sched.stats().parks >= 2, "all threads are up");
  const threads = sched.stats().threads;
  Deno.env.set("HEAVY", "1");
  started = 0;
  const [arrived, leave] = [new Flag(), new Flag()];
  sched.setProcs(3);
  const tasks = [1, 2, 3].map(() => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === threads, "as many run as there are threads");
  await new Promise((resolve) => setTimeout(resolve, 700));
  // Two at once, and then after 50 ms, 100, 200 and 400.
  console.log("tried to grow, times:", started > 0 && started <= 6 ? "few" : started);
  leave.value = 1;
  await Promise.all(tasks);
  Deno.env.delete("HEAVY");
  await until(() => sched.stats().threads === 4, "another thread, without anybody asking again");

  console.log("importing:", await errorOf(sched.go(fillsAsItLoads())));
  // What comes later is on another thread.
  const fills = sched.go(fillHeap());
  const beside = sched.go(answer(3, 10));
  console.log("computing:", await errorOf(fills));
  console.log("beside:", (await beside).length);
  console.log("after a rest:", await errorOf(sched.go(fillHeapAfterRest())));

  const bounded = await Scheduler.start({ procs: 1, heapLimitMb: 50, runawayMs: 300 });
  const before = statusOf("VmRSS");
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, statusOf("VmRSS")), 5);
  const culprit = bounded.go(fillsArrays());
  const others = bounded.go(answer(20, 5));
  console.log("V8 does not notice:", (await errorOf(culprit)).replace(/for \d+ ms/, "for … ms"));
  console.log("beside:", (await others).length);
  clearInterval(watch);
  console.log("grew by", most - before < 700 << 10 ? "less than 700 MB" : `${(most - before) >> 10} MB`);

  const atTheEnd: Task<unknown>[] = [1, 2].map(() => sched.go(fillHeap()));
  await until(() => atTheEnd.every(({ state }) => state !== "queued"), "they fill their heaps");
  await Promise.all([sched.close(), bounded.close()]);
  for (const task of atTheEnd) console.log("closing:", (await errorOf(task)).split(":")[0]);
}
