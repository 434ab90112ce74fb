/** What threads open for themselves, while tasks are cancelled and threads end. */
import type { Act } from "../act.ts";
import { PLANNED } from "../tasks/families.ts";
import { usesOwn } from "../tasks/opening.ts";

export async function opening(act: Act): Promise<void> {
  const { random } = act;
  const reason = new Error("not needed any more");
  const isPlanned = (error: Error) =>
    error === reason || (error instanceof RangeError && error.message === PLANNED);
  const all = Array.from({ length: 1 + random.below(12) }, async () => {
    const task = act.go(usesOwn(random.below(4)));
    if (random.chance(20)) setTimeout(() => task?.cancel(reason), random.below(6));
    const isOwn = await act.outcome(task, "one that uses what its thread has opened", isPlanned);
    act.check(isOwn !== false, "what a task got is not its thread's");
  });
  await Promise.all(all);
}
