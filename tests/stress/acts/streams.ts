/** Tasks that yield many results: read on the host or in a task, to their end or not. */
import type { Act } from "../act.ts";
import { PLANNED } from "../tasks/families.ts";
import { readsFrom, yields, yieldsAtOnce } from "../tasks/yielding.ts";

export async function streams(act: Act): Promise<void> {
  const { random, sched, signal } = act;
  const length = random.below(60);
  const seed = random.below(2 ** 31);
  const fails = random.chance(20) ? random.below(60) : -1;
  const window = random.below(6);
  const most = random.chance(30) ? 1 + random.below(20) : Infinity;
  const cancelled = new Error("no more results");
  const isPlanned = (error: Error) =>
    error === cancelled || (error instanceof RangeError && error.message === PLANNED && fails >= 0);

  async function read(): Promise<number[]> {
    const call = random.of([yields, yieldsAtOnce])(length, seed, fails);
    const stream = sched.go(call, { window, signal });
    if (random.chance(20)) setTimeout(() => stream.cancel(cancelled), random.below(6));
    const seen: number[] = [];
    for await (const n of stream) {
      if (seen.push(n) === most) break;
      if (random.chance(10)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
    }
    return seen;
  }

  const reading = random.chance(50) ? act.go(readsFrom(length, seed, fails, window, most)) : read();
  const seen = await act.outcome(reading, "what reads a stream", isPlanned);
  if (seen === undefined) return;
  const all = Math.min(length, most);
  act.check(fails < 0 || fails >= all, "a stream did not fail");
  act.check(seen.length === all && seen.every((n, i) => n === i), `a stream of ${length} gave ${seen}`);
}
