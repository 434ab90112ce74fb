/** Who starts a task only when it would begin soon, and who is refused because too many wait. */
import { QueueFullError, Scheduler, SchedulerClosedError, type Task, ThreadDiedError } from "@heddle/heddle";
import { exitOfNode } from "../../tasks/dying.ts";
import { type Act, PRIORITIES } from "../act.ts";
import { idOf, tidOf } from "../tasks/families.ts";

export async function ready(act: Act): Promise<void> {
  const { random, sched, stage } = act;
  for (let count = random.below(20); count > 0 && !act.signal.aborted; count--) {
    try {
      await act.outcome(sched.ready({ priority: random.of(PRIORITIES) }), "ready()");
    } catch (error) {
      if (!stage.isClosing || !(error instanceof SchedulerClosedError)) throw error;
    }
    await act.outcome(act.go(idOf(), undefined, "pool"), "a task that waited for its time");
  }
}

/** A scheduler of its own: others would not expect to be refused. */
export async function full(act: Act): Promise<void> {
  const { random, stage } = act;
  const maxQueue = 1 + random.below(20);
  await using sched = await Scheduler.start({
    procs: 1 + random.below(2),
    maxThreads: 4,
    maxTasks: random.of([4, 256]),
    maxQueue,
    arenaBytes: 24 << 20,
  });
  const cancelled = new Error("not wanted any more");
  const mayBe = (error: Error) =>
    error === cancelled || (error instanceof ThreadDiedError && stage.plan.isDeadly);
  const ends: Promise<unknown>[] = [];
  for (let count = random.below(100); count > 0; count--) {
    const dies = stage.plan.isDeadly && random.chance(5);
    let task: Task<number>;
    try {
      task = sched.go(dies ? exitOfNode() : tidOf(random.below(2 ** 31)));
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      act.check(error.length >= maxQueue, `with ${maxQueue} a queue of ${error.length} was full`);
      await act.outcome(sched.ready(), "ready() of a full scheduler");
      continue;
    }
    ends.push(act.outcome(task, "a task of a full scheduler", mayBe));
    if (random.chance(10)) task.cancel(cancelled);
  }
  await act.outcome(sched.drain(), "drain() of a full scheduler");
  await Promise.all(ends);
  // What was cancelled stands in its queue until a thread comes by.
  while (sched.stats().queued > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const { inFlight } = sched.stats();
  act.check(inFlight === 0, `${inFlight} are in flight when it is drained`);
}
