/** When nothing else runs: tasks that wait for what nobody can do. */
import type { Call } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { embraces, receivesFromNobody, waitsForNothing } from "../../tasks/deadlocks.ts";

export async function deadlock(act: Act): Promise<void> {
  if (!act.stage.plan.options.detectDeadlocks) return;
  const stuck = act.random.of<() => Call<string | string[]>>([receivesFromNobody, waitsForNothing, embraces]);
  // With a signal somebody might end it.
  const task = act.go(stuck(), undefined, "anywhere", false);
  const told = await act.outcome(task, "what waits for what nobody can do");
  if (told === undefined) return;
  act.check([told].flat().some((each) => each.startsWith("DeadlockError")), `a deadlock ended with ${told}`);
}
