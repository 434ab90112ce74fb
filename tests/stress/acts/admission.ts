/** Who starts a task only when it would begin soon. */
import { SchedulerClosedError } from "@heddle/heddle";
import { type Act, PRIORITIES } from "../act.ts";
import { idOf } from "../tasks/families.ts";

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
