/** Views: tasks within a limit, of which some are cancelled, and which all end if it is closed. */
import { SchedulerClosedError, type Task } from "@heddle/heddle";
import { type Act, PRIORITIES } from "../act.ts";
import { crowds } from "../../tasks/ranking.ts";

export async function views(act: Act): Promise<void> {
  const { random, sched, stage } = act;
  const concurrency = 1 + random.below(4);
  const here = new SharedArrayBuffer(4);
  const cancelled = new Error("not needed");
  const count = random.below(30);
  const closesEarly = random.chance(30);
  try {
    const view = sched.view({ concurrency, priority: random.of(PRIORITIES) });
    const tasks: Task<number>[] = [];
    const outcomes: Promise<number | undefined>[] = [];
    for (let n = 0; n < count; n++) {
      const task = view.go(crowds(here), { signal: act.signal });
      tasks.push(task);
      outcomes.push(act.outcome(task, "a task of a view", (error) => {
        return error === cancelled || (closesEarly && error instanceof SchedulerClosedError);
      }));
      if (random.chance(20)) random.of(tasks).cancel(cancelled);
      if (random.chance(20)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
    }
    if (closesEarly) await act.outcome(view.close(), "the end of a view");
    const most = await Promise.all(outcomes);
    // What dies does not count itself out.
    if (stage.plan.isDeadly || stage.plan.hasRunaways) return;
    for (const n of most) {
      if (n !== undefined) {
        act.check(n <= concurrency, `${n} tasks of a view of ${concurrency} were under way`);
      }
    }
    await act.outcome(view.close(), "the end of a view with nothing left");
  } catch (error) {
    if (!stage.isClosing || !(error instanceof SchedulerClosedError)) throw error;
  }
}
