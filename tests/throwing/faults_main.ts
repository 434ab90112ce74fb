/** In the variant: a fault at the k-th question of each operation, for all k. */
import { Channel, Scheduler, type Task, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../deadline.ts";
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

const [wanted = ""] = Deno.args;
let failed = 0;
let faults = 0;
for (const where of ["a task", "the host"]) {
  for (const name of where === "a task" ? taskOperations : operations) {
    if (!name.includes(wanted)) continue;
    await using sched = await Scheduler.start({ procs: 2, maxThreads: 8 });
    const shared = makeShared(sched);
    try {
      const trying = where === "a task"
        ? sched.go(throwsInEachInTask(shared, name))
        : throwsInEach(sched, shared, name);
      const found = await soon(trying, name, 10_000);
      faults += found;
      await soon(sched.go(uses(shared)), `after it: another task`, 5_000);
      await until(
        () => sched.stats().idleProcs === 2 && sched.stats().inFlight === 0,
        "after it: quiet",
        5_000,
      );
      console.log(`${where}, ${name}: ${found} faults`);
    } catch (error) {
      failed++;
      console.log(`${where}, ${name}: FAILED: ${(error as Error).message}`);
    }
  }
}
if ("anywhere".includes(wanted)) {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 8 });
  const channel = new Channel<{ list: number[] }>(sched, 100);
  for (let k = 1, handsOff = true;; k++) {
    try {
      const armed = sched.go(throwsAnywhere(k, handsOff));
      armed.catch(() => {});
      // What the host starts, and cancels, meanwhile.
      await until(() => armed.state !== "queued", "it begins");
      const others: Task<unknown>[] = [1, 2].map((n) =>
        sched.go(echoes({ list: Array(n).fill(n) }, channel))
      );
      others.push(sched.go(sleeps(60_000)));
      for (const other of others) other.catch(() => {});
      await until(() => others[2].state !== "queued", "the last one begins");
      others[2].cancel({ why: ["no reason"] });
      const at = await soon(armed, "all of it", 10_000);
      for (const result of await soon(Promise.allSettled(others), "those of the host", 10_000)) {
        if (result.status === "rejected" && result.reason instanceof ThreadDiedError) throw result.reason;
      }
      while (channel.tryRecv() !== undefined);
      await until(
        () => sched.stats().idleProcs === 1 && sched.stats().inFlight === 0,
        "after it: quiet",
        5_000,
      );
      if (at === "") {
        if (!handsOff) break;
        // The same with all on one thread.
        [k, handsOff] = [0, false];
        continue;
      }
      faults++;
      if (wanted !== "") console.log(`anywhere, ${k}: ${at}`);
    } catch (error) {
      failed++;
      console.log(`anywhere, ${k}: FAILED: ${(error as Error).stack}`);
      if (failed > 20) break;
    }
  }
}
console.log(`${faults} faults, ${failed} operations failed`);
Deno.exit(failed === 0 ? 0 : 1);
