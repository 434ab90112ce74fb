/** parallelMap and pipelines, on the host and in tasks. */
import {
  parallelMap,
  type Pipeline,
  pipeline,
  SchedulerClosedError,
  TaskAbandonedError,
  TaskTimeoutError,
  ThreadDiedError,
} from "@heddle/heddle";
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

/** Each item has its end, is told of once, and what fails ends no other. */
export async function settled(act: Act): Promise<void> {
  const { random, sched, signal, stage } = act;
  const items = Array.from(
    { length: random.below(40) },
    (_, n): Item => [n, random.below(2 ** 31), random.chance(20)],
  );
  const timeout = random.chance(30) ? random.below(5) : undefined;
  const told: number[] = [];
  const onProgress = (done: number, total?: number) => void told.push(total === items.length ? done : -1);
  const ordered = random.chance(60);
  const options = { concurrency: 1 + random.below(8), ordered, signal, timeout, onProgress };
  const results = Array.fromAsync(parallelMap(sched, items, triples, { ...options, settle: true }));
  const got = await act.outcome(results, "a settled parallelMap");
  if (got === undefined) return;
  if (!ordered) got.sort((a, b) => a.index - b.index);
  for (const [n, result] of got.entries()) {
    const { index, item } = result;
    const isRight = result.status === "fulfilled"
      ? result.value === 3 * n && !item[2]
      : mayBe(result.reason, item);
    act.check(index === n && item === items[n] && isRight, `item ${n} came to ${Deno.inspect(result)}`);
  }
  act.check(got.length === items.length, `of ${items.length} items ${got.length} have an end`);
  act.check(told.every((done, i) => done === i + 1) && told.length === items.length, `told were ${told}`);

  function mayBe(reason: unknown, [, , fails]: Item): boolean {
    return (reason instanceof RangeError && reason.message === PLANNED && fails === true) ||
      (reason instanceof TaskTimeoutError && timeout !== undefined) ||
      (reason instanceof ThreadDiedError && stage.plan.isDeadly) ||
      (reason instanceof TaskAbandonedError && stage.plan.options.runawayMs !== undefined) ||
      (reason instanceof SchedulerClosedError && stage.isClosing);
  }
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
