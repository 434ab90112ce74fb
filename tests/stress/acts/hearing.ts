/** Signals among the arguments: aborted before the tasks begin, meanwhile, or never. */
import type { Act } from "../act.ts";
import { givesOn, hears } from "../tasks/hearing.ts";

export async function hearing(act: Act): Promise<void> {
  const { random } = act;
  const controller = new AbortController();
  const { signal } = controller;
  const reason = random.of<unknown>(["enough", { not: "an error" }, new RangeError("too far")]);
  if (random.chance(10)) controller.abort(reason);
  const tasks = Array.from({ length: 1 + random.below(4) }, () => {
    const seed = random.below(2 ** 31);
    return random.chance(50) ? act.go(hears(signal, seed)) : act.go(givesOn({ signal }, seed));
  });
  const outcomes = tasks.map((task) => act.outcome(task, "a task that hears of a signal"));
  if (random.chance(60)) await new Promise((resolve) => setTimeout(resolve, random.below(6)));
  controller.abort(reason);
  for (const heard of await Promise.all(outcomes)) {
    if (heard !== undefined) {
      act.check(heard === String(reason), `a task heard ${heard} in place of ${reason}`);
    }
  }
}
