/** Tasks that compute on end: they are frozen in the middle, go on, and compute what they should; or are abandoned. */
import { Channel, TaskAbandonedError } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { answer, hog, kinds, looksOn, operate, work } from "../../tasks/hogging.ts";

export async function computing(act: Act): Promise<void> {
  const { random } = act;
  const outcomes = Array.from({ length: 1 + random.below(5) }, () => {
    const kind = random.of(kinds);
    const ms = random.of([0, 3, 10, 40]);
    return act.outcome(
      random.chance(80) ? act.go(work(kind, ms)) : act.go(looksOn(ms)),
      `${kind} for ${ms} ms`,
    );
  });
  const late = await act.outcome(
    act.go(answer(random.below(10), random.below(30) / 10)),
    "a task beside them",
  );
  act.check(late === undefined || late.every((ms) => ms > -1), `a sleep that was too short: ${late}`);
  await Promise.all(outcomes);
}

/** In the scheduler most of the time, where nobody is frozen. */
export async function operating(act: Act): Promise<void> {
  const { random, sched } = act;
  const channel = new Channel<number>(sched, random.of([1, 8]));
  const ends = await Promise.all(
    Array.from(
      { length: 2 + random.below(3) },
      () => act.outcome(act.go(operate(channel, random.of([1, 5, 20]))), "an operator"),
    ),
  );
  let left = 0;
  for (let next = channel.tryRecv(); next !== undefined; next = channel.tryRecv()) left += next.value!;
  if (!act.isWhole) return;
  const sent = ends.reduce((sum, end) => sum + end!.sent, 0);
  const received = ends.reduce((sum, end) => sum + end!.received, left);
  act.check(sent === received, `${sent} was sent, and ${received} received`);
}

/** One that never ends. */
export async function runaway(act: Act): Promise<void> {
  const { random, stage } = act;
  const { hasRunaways, options } = stage.plan;
  if (!hasRunaways || stage.runaways === 2) return;
  stage.runaways++;
  // A regular expression ends, and cannot be frozen before V8 has compiled it.
  const kind = random.of(kinds.filter((kind) => kind !== "regex"));
  let wasAbandoned = false;
  await act.outcome(
    act.go(hog(kind), undefined, "pool"),
    `a runaway, ${kind}`,
    (error) => wasAbandoned = options.runawayMs !== undefined && error instanceof TaskAbandonedError,
  );
  act.check(wasAbandoned || !act.isWhole, `a runaway has ended: ${kind}`);
}
