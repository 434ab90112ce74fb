/** Every public operation near the end of the stack: in a task, and on the host. */
import { Scheduler } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { makeShared, operations, taskOperations, tries, triesInTask, uses } from "../tasks/stack_end.ts";

/** Milliseconds for one operation, which takes some hundred. */
const PATIENCE = 60_000;

/** Throws what is held, lost or doubled after the operations that are named so. Each at `shifts` offsets. */
export async function tryAll(
  where: "a task" | "the host",
  shifts: number,
  warmUp: number,
  report: (line: string) => void,
  isWanted: (name: string) => boolean = () => true,
): Promise<void> {
  await using sched = await Scheduler.start({ procs: 2, maxThreads: 8 });
  const isQuiet = () => {
    const s = sched.stats();
    return s.idleProcs === s.procs && s.spinning === 0 && s.blockedThreads === 0 && s.inFlight === 0 &&
      s.lockedThreads === 0 && s.dedicatedThreads === 0 && s.queued === 0;
  };
  for (const name of where === "a task" ? taskOperations : operations) {
    if (!isWanted(name)) continue;
    const shared = makeShared(sched);
    const start = performance.now();
    const trying = where === "a task"
      ? sched.go(triesInTask(shared, name, warmUp, shifts))
      : tries(sched, shared, name, warmUp, shifts);
    const { calls, threw } = await soon(trying, name, PATIENCE).catch((error) => {
      throw new Error(`${name}, in ${where}: ${error.message}`, { cause: error });
    });
    // Others can use all that it used.
    await soon(sched.go(uses(shared)), `after ${name}: another task`);
    await until(isQuiet, `after ${name}: all is quiet`);
    const ms = Math.round(performance.now() - start);
    report(`${where}, ${name}: ${calls} calls, of which ${threw} threw, ${ms} ms`);
  }
}
