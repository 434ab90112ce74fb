/** When nothing else runs: tasks that wait for what nobody can do. */
import type { Act } from "../act.ts";
import { embraces, receivesFromNobody } from "../../tasks/deadlocks.ts";

export async function deadlock(act: Act): Promise<void> {
  if (!act.stage.plan.options.detectDeadlocks) return;
  const isAlone = act.random.chance(50);
  const told = isAlone
    ? await act.outcome(act.go(receivesFromNobody()), "one that waits for nobody")
    : await act.outcome(act.go(embraces()), "an embrace");
  if (told === undefined) return;
  act.check([told].flat().some((each) => each.startsWith("DeadlockError")), `a deadlock ended with ${told}`);
}
