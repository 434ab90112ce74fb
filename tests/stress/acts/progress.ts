/** What tasks report: heard in its order, by the host or in a task, and the last of a task that has ended. */
import type { Act } from "../act.ts";
import { hearsOf, reports } from "../tasks/reporting.ts";

export async function progress(act: Act): Promise<void> {
  const { random } = act;
  const count = random.below(200);
  const seed = random.below(2 ** 31);
  if (random.chance(40)) {
    const heard = await act.outcome(act.go(hearsOf(count, seed)), "what hears of a child");
    if (heard !== undefined) check(act, heard, count);
    return;
  }
  const task = act.go(reports(count, seed));
  if (task === undefined) return;
  const hear = async () => {
    const heard: number[] = [];
    for await (const value of task.progress) {
      heard.push((value as number[])[0]);
      if (random.chance(10)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
    }
    return heard;
  };
  const [heard, result] = await Promise.all([
    act.outcome(hear(), "a task's progress"),
    act.outcome(task, "a task that reports"),
  ]);
  if (heard !== undefined) check(act, heard, result === undefined ? undefined : count);
}

/** `last`: of a task that has ended. */
function check(act: Act, heard: readonly number[], last: number | undefined): void {
  act.check(heard.every((n, i) => i === 0 || n > heard[i - 1]), `reports came as ${heard}`);
  if (last !== undefined) {
    act.check((heard.at(-1) ?? 0) === last, `the last of ${last} reports is ${heard.at(-1)}`);
  }
}
