/**
 * `deno task soak:trace [MINUTES]`: a trace of a program that runs tasks all that time. Nothing is lost or counted wrongly, and the
 * process does not grow while it is written, nor while it becomes text.
 */
import { assertEquals, assertLess } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { hasRegions } from "../tasks/traced.ts";

const minutes = Number(Deno.args[0] ?? 10);
if (!(minutes > 0)) throw new RangeError(`${Deno.args[0]} minutes: give a number above 0.`);

/** Each 20 ms: 5000 tasks a second, which make 2 GB of text in 10 minutes. */
const BATCH = 100;
const PAUSE = 20;
/** What a garbage collector that is late may make of it. */
const GROWTH = 100 * 2 ** 20;

function resident(): number {
  return Deno.memoryUsage().rss;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

await using sched = await Scheduler.start({ procs: 2 });
await Promise.all(Array.from({ length: 4 }, () => sched.go(hasRegions())));
await until(() => sched.stats().ran === 4, "all are counted");
const folder = await Deno.makeTempDir();
try {
  const file = `${folder}/trace.json`;
  const trace = await sched.trace({ file });
  const end = performance.now() + minutes * 60_000;
  let tasks = 0;
  let settled: number | undefined;
  while (performance.now() < end) {
    await Promise.all(
      Array.from({ length: BATCH - 1 }, () => sched.go(nothing())).concat(sched.go(hasRegions()) as never),
    );
    tasks += BATCH;
    // By then all is compiled, and each thread has its ring.
    if (settled === undefined && performance.now() > end - minutes * 54_000) settled = resident();
    await pause(PAUSE);
  }
  assertLess(resident(), settled! + GROWTH, "the process has grown while it was traced");
  await until(() => sched.stats().ran === tasks + 4, "all are counted", 10_000);
  const stopped = trace.stop();
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, resident()), 50);
  const { events, dropped } = await stopped;
  clearInterval(watch);
  assertLess(most, settled! + 2 * GROWTH, "the process has grown while the trace became text");

  // One event in a line, but for those that are two, and those that name a lane.
  const counts = new Map<string, number>();
  const lines = (await Deno.open(file)).readable.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const text of lines) {
    const all = (rest + text).split("\n");
    rest = all.pop()!;
    for (const line of all) {
      const what = /"cat":"(\w+)","ph":"X"/.exec(line)?.[1];
      if (what !== undefined) counts.set(what, (counts.get(what) ?? 0) + 1);
    }
  }
  const { size } = await Deno.stat(file);
  console.log(
    `${minutes} minutes: ${tasks} tasks, ${events} events, ${(size / 2 ** 20).toFixed()} MB; memory ` +
      `${(settled! / 2 ** 20).toFixed()} MB, ${(resident() / 2 ** 20).toFixed()} at the end, ${
        (most / 2 ** 20).toFixed()
      } at most`,
  );
  assertEquals(dropped, 0);
  assertEquals([counts.get("task"), counts.get("go")], [tasks, tasks]);
  // Of each hasRegions two that are not asynchronous.
  assertEquals(counts.get("region"), 2 * tasks / BATCH);
} finally {
  await Deno.remove(folder, { recursive: true });
}
