// What metrics() says of what a scheduler did, and what Prometheus reads of it.
import { assertEquals, assertGreater, assertGreaterOrEqual, assertLess } from "@std/assert";
import { type Histogram, type Metrics, prometheus, Scheduler } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { native, preemption } from "../support/capabilities.ts";
import { Flag } from "../support/flag.ts";
import { Pipe } from "../support/pipe.ts";
import { fan, nothing } from "../tasks/arithmetic.ts";
import { callsQuickly, readsPipe, sleepsInKernel } from "../tasks/blocking.ts";
import { exitOfDeno } from "../tasks/dying.ts";
import { spinsUntilSet, work } from "../tasks/hogging.ts";
import { echo } from "../tasks/values.ts";

function many(count: number, sched: Scheduler): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, () => sched.go(nothing())));
}

Deno.test("of tasks the latency and the time that they ran are known, sampled ones by their weight", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  assertEquals(sched.metrics().schedulingLatency.count, 0);
  await many(160, sched);
  const { schedulingLatency, runTime } = sched.metrics();
  // One in 16, as 16.
  assertEquals(schedulingLatency.count, 160);
  // The first 16, then one in 16: of runs 32, 48, …, 160 each as 16.
  assertEquals(runTime.count, 16 + 9 * 16);
  assertGreater(schedulingLatency.p50, 0);
  await sched.go(work("loop", 30));
  assertGreaterOrEqual(sched.metrics().runTime.max, 30);
});

Deno.test("a task that waits for the only thread has waited for as long as that was busy", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2, preempt: false });
  // The first 15 are not measured.
  await many(14, sched);
  const hog = sched.go(work("loop", 50));
  await Promise.all([sched.go(nothing()), hog]);
  assertEquals(sched.metrics().schedulingLatency.count, 16);
  assertGreaterOrEqual(sched.metrics().schedulingLatency.max, 40);
});

Deno.test("children that stay on the thread of their parent have no latency, and one in 64 is timed", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2 });
  await sched.go(fan(4));
  const before = sched.metrics();
  await sched.go(fan(640));
  const { schedulingLatency, runTime } = sched.metrics();
  assertLess(schedulingLatency.count - before.schedulingLatency.count, 640);
  assertEquals((runTime.count - before.runTime.count) % 64, 1);
});

native.test("a blocking call is timed, and counts when its thread has ended; one that lasts is a retake, and its P wakes a thread", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await sched.dedicate(sleepsInKernel(30));
  await until(() => sched.stats().dedicatedThreads === 0, "its thread ends");
  const { blockingCalls } = sched.metrics();
  assertEquals(blockingCalls.count, 16);
  assertGreaterOrEqual(blockingCalls.p50, 30);
  await sched.go(callsQuickly(160));
  assertEquals(sched.metrics().blockingCalls.count, 16 + 160);
  await sched.go(exitOfDeno()).catch(() => {});
  assertEquals(sched.metrics().blockingCalls.count, 16 + 160);
  // One that lasts, so that its P is taken, and a thread is woken for that.
  using pipe = new Pipe();
  const arrived = new Flag();
  const reads = sched.go(readsPipe(pipe.reader, arrived.buffer, false));
  await until(() => arrived.value === 1, "it is about to read");
  await sched.go(nothing());
  assertGreaterOrEqual(sched.metrics().retakes, 1);
  pipe.write(1);
  await reads;
  await until(() => {
    sched.go(nothing());
    return sched.metrics().wakes > 0;
  }, "one is started while the thread sleeps");
});

preemption.test("a freeze is as long as the thread had no P", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: true });
  const [begun, go] = [new Flag(), new Flag()];
  const hogs = Array.from({ length: 2 }, () => sched.go(spinsUntilSet(begun.buffer, go.buffer)));
  try {
    // A slice is 10 ms.
    await until(() => sched.metrics().freezes.max > 5, "they take turns");
    const { freezes, stats } = sched.metrics();
    assertGreaterOrEqual(stats.preempted, freezes.count);
  } finally {
    go.value = 1;
    await Promise.all(hogs);
  }
});

Deno.test("what is counted on the host's side", async (t) => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2, preempt: false });
  await t.step("values that go by message port, and large ones in the arena", async () => {
    assertEquals(sched.metrics().byPort, { values: 0, bytes: 0 });
    await sched.go(echo(new SharedArrayBuffer(8)));
    // There, and back.
    const { values, bytes } = sched.metrics().byPort;
    assertEquals(values, 2);
    assertGreater(bytes, 0);
    assertEquals(sched.metrics().arena.spans, 0);
    const [begun, go] = [new Flag(), new Flag()];
    const keeps = sched.go(spinsUntilSet(begun.buffer, go.buffer));
    await until(() => begun.value === 1, "nobody else has a turn");
    const echoes = sched.go(echo(new Uint8Array(1 << 20)));
    assertGreaterOrEqual(sched.metrics().arena.spans, 1 << 20);
    go.value = 1;
    await Promise.all([keeps, echoes]);
    assertEquals(sched.metrics().arena.spans, 0);
  });
  await t.step("the delay of its event loop is what its code keeps it from", async () => {
    await until(() => sched.metrics().hostDelay.count > 0, "a timer");
    const end = performance.now() + 60;
    while (performance.now() < end);
    await until(() => sched.metrics().hostDelay.max >= 30, "it shows");
  });
  await t.step("how much is queued, while something runs", async () => {
    const tasks = Array.from({ length: 40 }, () => sched.go(work("loop", 2)));
    await until(() => sched.metrics().queueLength.max >= 8, "a look at the queue");
    await Promise.all(tasks);
  });
});

Deno.test("metrics are plain data, also after close(), and the text for Prometheus has each histogram with ascending buckets, of which the last is the count", async () => {
  const sched = await Scheduler.start({ procs: 1, name: 'a "b"\\' });
  await many(64, sched);
  await sched.close();
  const metrics = sched.metrics();
  assertEquals(JSON.parse(JSON.stringify(metrics)) as Metrics, metrics);
  assertEquals([metrics.version, metrics.name, metrics.stats.ran], [1, 'a "b"\\', 64]);
  assertEquals(metrics.schedulingLatency.count, 64);
  const text = prometheus(metrics);
  const label = String.raw`scheduler="a \"b\"\\"`;
  const values = new Map(
    text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const [, name, value] = /^(heddle_\w+\{.*\}) (\S+)$/.exec(line)!;
      return [name, Number(value)];
    }),
  );
  assertEquals(values.get(`heddle_procs{${label}}`), 1);
  assertEquals(values.get(`heddle_tasks_total{${label}}`), metrics.stats.ran);
  const histograms: [string, Histogram, number][] = [
    ["scheduling_latency_seconds", metrics.schedulingLatency, 1000],
    ["run_time_seconds", metrics.runTime, 1000],
    ["queue_length", metrics.queueLength, 1],
  ];
  for (const [name, { count, sum, p50 }, unit] of histograms) {
    const buckets = [...values].filter(([key]) => key.startsWith(`heddle_${name}_bucket`));
    const ends = buckets.map(([key]) => Number(/le="([^"]+)"/.exec(key)![1].replace("+Inf", "Infinity")));
    assertEquals(ends, ends.toSorted((a, b) => a - b));
    const counts = buckets.map(([, value]) => value);
    assertEquals(counts, counts.toSorted((a, b) => a - b));
    assertEquals([counts.at(-1), values.get(`heddle_${name}_count{${label}}`)], [count, count]);
    assertEquals(values.get(`heddle_${name}_sum{${label}}`), sum / unit);
    // Half of all are in those that end at the median or above.
    const half = counts[ends.findIndex((end) => end >= p50 / unit)];
    assertGreaterOrEqual(half, count / 2, name);
  }
  const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assertEquals(types.length, new Set(types).size);
});
