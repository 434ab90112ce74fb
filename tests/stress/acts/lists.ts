/** parallelMap and pipelines, on the host and in tasks. */
import { parallelMap, type Pipeline, pipeline } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { PLANNED } from "../tasks/families.ts";
import { adding, type Item, maps, triples } from "../tasks/lists.ts";

export async function mapped(act: Act): Promise<void> {
  const { random, sched, signal } = act;
  const length = random.below(40);
  const fails = random.chance(20) ? random.below(40) : -1;
  const items = Array.from({ length }, (_, n): Item => [n, random.below(2 ** 31), n === fails]);
  const concurrency = 1 + random.below(8);
  const ordered = random.chance(60);
  const isPlanned = (error: Error) =>
    fails >= 0 && fails < length && error instanceof RangeError && error.message === PLANNED;
  if (random.chance(20)) {
    // Left early: what is in flight is cancelled.
    const leave = async () => {
      for await (const _ of parallelMap(sched, items, triples, { concurrency, ordered, signal })) break;
    };
    await act.outcome(leave(), "a parallelMap that is left", isPlanned);
    return;
  }
  const results = random.chance(40)
    ? act.go(maps(items, concurrency, ordered))
    : Array.fromAsync(parallelMap(sched, items, triples, { concurrency, ordered, signal }));
  const got = await act.outcome(results, "a parallelMap", isPlanned);
  if (got === undefined) return;
  if (!ordered) got.sort((a, b) => a - b);
  act.check(fails < 0 || fails >= length, "a parallelMap did not fail");
  act.check(got.length === length && got.every((n, i) => n === 3 * i), `a parallelMap gave ${got}`);
}

export async function piped(act: Act): Promise<void> {
  const { random, sched, signal } = act;
  const length = random.below(60);
  const capacity = random.below(5);
  const stages = Array.from(
    { length: random.below(4) },
    () => ({ stage: adding, tasks: 1 + random.below(3) }),
  );
  const numbers = Array.from({ length }, (_, i) => i * 100);
  const line = () => pipeline<number>(sched, numbers, stages, { capacity, signal });
  if (random.chance(20)) {
    const leave = async () => {
      for await (const _ of line()) break;
    };
    await act.outcome(leave(), "a pipeline that is left");
    return;
  }
  const collect = random.of([
    () => Array.fromAsync(line()),
    () => Array.fromAsync(line().readable()),
    () => written(line()),
    () => cancelled(line(), act),
  ]);
  const got = await act.outcome(collect(), "a pipeline");
  if (got === undefined) return;
  got.sort((a, b) => a - b);
  const isRight = got.length === length && got.every((n, i) => n === i * 100 + stages.length);
  act.check(isRight, `a pipeline of ${stages.length} stages gave ${got}`);
}

async function written(line: Pipeline<number>): Promise<number[]> {
  const got: number[] = [];
  await line.pipeTo(new WritableStream({ write: (n) => void got.push(n) }));
  return got;
}

/** Undefined if it rejected with the reason. */
async function cancelled(line: Pipeline<number>, act: Act): Promise<number[] | undefined> {
  const reason = new Error("no more of this");
  const timer = setTimeout(() => line.cancel(reason), act.random.below(5));
  try {
    return await Array.fromAsync(line);
  } catch (error) {
    if (error !== reason) throw error;
  } finally {
    clearTimeout(timer);
  }
}
