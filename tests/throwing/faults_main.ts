/**
 * In the variant: a fault at the k-th question of each operation, for all k; then at the k-th copy or block of a thread
 * whose tasks do a bit of everything. Ends with 1 at the first thing that is held, lost or doubled.
 */
import { Channel, Scheduler, type Task, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import {
  echoes,
  makeShared,
  operations,
  sleeps,
  taskOperations,
  throwsAnywhere,
  throwsInEach,
  throwsInEachInTask,
  uses,
} from "../tasks/stack_end.ts";

let faults = 0;

function isQuiet(sched: Scheduler): boolean {
  const { procs, idleProcs, inFlight, spinning, blockedThreads, lockedThreads } = sched.stats();
  return idleProcs === procs && inFlight + spinning + blockedThreads + lockedThreads === 0;
}

async function inEach(where: "a task" | "the host"): Promise<void> {
  await using sched = await Scheduler.start({ procs: 2, maxThreads: 8 });
  for (const name of where === "a task" ? taskOperations : operations) {
    const shared = makeShared(sched);
    const trying = where === "a task"
      ? sched.go(throwsInEachInTask(shared, name))
      : throwsInEach(sched, shared, name);
    const found = await soon(trying, `${name}, in ${where}`);
    await soon(sched.go(uses(shared)), `after ${name}, in ${where}: another task`);
    await until(() => isQuiet(sched), `after ${name}, in ${where}: all is quiet`);
    console.log(`${name}, in ${where}: ${found} faults`);
    faults += found;
  }
}

async function anywhere(handsOff: boolean): Promise<void> {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 8 });
  const channel = new Channel<{ list: number[] }>(sched, 100);
  for (let k = 1;; k++) {
    const armed = sched.go(throwsAnywhere(k, handsOff));
    armed.catch(() => {});
    // What the host starts, and cancels, meanwhile.
    await until(() => armed.state !== "queued", "it begins");
    const others: Task<unknown>[] = [1, 2].map((n) => sched.go(echoes({ list: Array(n).fill(n) }, channel)));
    others.push(sched.go(sleeps(60_000)));
    for (const other of others) other.catch(() => {});
    await until(() => others[2].state !== "queued", "the last one begins");
    others[2].cancel({ why: ["no reason"] });
    const at = await soon(armed, `all of it, k = ${k}`);
    for (
      const result of await soon(Promise.allSettled(others), `those of the host, after a fault at ${at}`)
    ) {
      if (result.status === "rejected" && result.reason instanceof ThreadDiedError) throw result.reason;
    }
    while (channel.tryRecv() !== undefined);
    await until(() => isQuiet(sched), `after a fault at ${at}: all is quiet`);
    if (at === "") return;
    console.log(`at ${at}`);
    faults++;
  }
}

await Promise.all([inEach("a task"), anywhere(true), anywhere(false)]);
await inEach("the host");
console.log(`${faults} faults`);
Deno.exit(0);
