/**
 * `deno task soak:dump [TASKS]`: dumps of a program with very many parked tasks, without and with `stacks: true`. Each comes within a
 * second, a task goes on meanwhile, and afterwards all go on as well.
 */
import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { Channel, ChannelClosedError, type Dump, Scheduler } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { ticks, waitsWithMany } from "../tasks/dumped.ts";

const many = Number(Deno.args[0] ?? 200_000);
if (!(many > 0)) throw new RangeError(`${Deno.args[0]} tasks: give a number above 0.`);

const MOST_MS = 1000;
const DUMPS = 5;

function parked({ objects }: Dump): number {
  return objects.flatMap(({ waiting }) => waiting).reduce((sum, { count }) => sum + count, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

for (const stacks of [false, true]) {
  await using sched = await Scheduler.start({ procs: 2, stacks });
  const [values, count, end] = [new Channel<number>(sched), new Flag(), new Flag()];
  const sum = sched.go(waitsWithMany(values, many));
  for (const until = performance.now() + 300_000; parked(sched.dump()) < many; await pause(1000)) {
    assertLess(performance.now(), until, "not all are parked");
  }
  const ticking = sched.go(ticks(count.buffer, end.buffer));
  await until(() => count.value > 0, "a task goes on beside them");
  let counted = 0;
  for (let i = 0; i < DUMPS; i++) {
    const before = count.value;
    const from = performance.now();
    const dump = sched.dump();
    const between = performance.now();
    const text = String(dump);
    const [ms, textMs] = [between - from, performance.now() - between];
    console.log(
      `${many} parked tasks${
        stacks ? ", with stacks" : ""
      }: a dump took ${ms.toFixed()} ms, its text ${textMs.toFixed()}`,
    );
    assertLess(ms + textMs, MOST_MS);
    counted += count.value - before;
    assertEquals([parked(dump), dump.unstable], [many, 0]);
    // One knows the thread's number of them only.
    const known = stacks ? dump.tasks.length : dump.threads.reduce((sum, { begun }) => sum + begun, 0);
    assert(known >= many, `${known} tasks`);
    assertMatch(text, /\d+ tasks .* and \d+ more \[begun.*: receives of file:/);
    await pause(50);
  }
  assert(counted > 0, "nothing went on meanwhile");
  end.value = 1;
  await ticking;
  values.close();
  await assertRejects(() => sum, ChannelClosedError);
}
