/**
 * Metrics as text for Prometheus. Its client libraries are registries of metrics that a program updates; here all are read at
 * once, when somebody asks, so what is left of such a library is this text.
 */
import type { Metrics } from "./host/metrics.ts";
import type { Histogram } from "./tracing/histogram.ts";

/** Seconds: buckets must not differ from one time to the next. At powers of 2 in nanoseconds a finer one ends, too. */
const SECONDS = Array.from({ length: 28 }, (_, i) => 2 ** (10 + i) / 1e9);
const LENGTHS = Array.from({ length: 18 }, (_, i) => 2 ** i - 1);
const MS_PER_SECOND = 1000;

/**
 * {@linkcode Metrics} in Prometheus' text format, which OpenMetrics' readers take, too: answer a request for `/metrics` with it, as
 * `text/plain; version=0.0.4`. Times are seconds. A scheduler's name is the label `scheduler`, a thread's number `thread`.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { prometheus, Scheduler } from "@heddle/heddle";
 * import { sum } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 1, name: "thumbnails" });
 * await sched.go(sum(0, 10));
 * const text = prometheus(sched.metrics());
 * assertStringIncludes(text, `heddle_procs{scheduler="thumbnails"} 1\n`);
 * ```
 */
export function prometheus(metrics: Metrics): string {
  const { stats, threads, name } = metrics;
  const own = name === undefined ? [] : [`scheduler="${escaped(name)}"`];
  const lines: string[] = [];
  const begin = (metric: string, type: string, help: string) =>
    lines.push(`# HELP heddle_${metric} ${help}`, `# TYPE heddle_${metric} ${type}`);
  const sample = (metric: string, labels: readonly string[], value: number) => {
    const all = [...own, ...labels];
    lines.push(`heddle_${metric}${all.length === 0 ? "" : `{${all.join()}}`} ${value}`);
  };
  const one = (type: string) => (metric: string, help: string, value: number) => {
    begin(metric, type, help);
    sample(metric, [], value);
  };
  const counter = one("counter");
  const gauge = one("gauge");
  const ofThreads = (
    type: string,
    metric: string,
    help: string,
    read: (at: number) => number | undefined,
  ) => {
    begin(metric, type, help);
    for (const [i, { tid, role }] of threads.entries()) {
      const value = read(i);
      if (value !== undefined) sample(metric, [`thread="${tid}"`, `role="${role}"`], value);
    }
  };
  const histogram = (
    metric: string,
    help: string,
    { buckets, count, sum }: Histogram,
    ends: readonly number[] = SECONDS,
    unit = MS_PER_SECOND,
  ) => {
    begin(metric, "histogram", help);
    let i = 0;
    let below = 0;
    for (const end of ends) {
      while (i < buckets.length && buckets[i][0] / unit <= end) below += buckets[i++][1];
      sample(`${metric}_bucket`, [`le="${end}"`], below);
    }
    sample(`${metric}_bucket`, [`le="+Inf"`], count);
    sample(`${metric}_sum`, [], sum / unit);
    sample(`${metric}_count`, [], count);
  };

  gauge("procs", "How many threads may run tasks at once.", stats.procs);
  gauge("idle_procs", "Of these, how many nobody uses.", stats.idleProcs);
  gauge("threads", "Threads in all.", stats.threads);
  gauge("blocked_threads", "Threads in a blocking call that lasts.", stats.blockedThreads);
  gauge("frozen_threads", "Threads frozen at the end of a time slice.", stats.frozenThreads);
  gauge("tasks_in_flight", "Tasks of the host that have not settled.", stats.inFlight);
  gauge("tasks_queued", "Tasks that wait for a thread.", stats.queued);
  gauge("native_calls", "Native calls that have not settled.", stats.nativeCalls);
  counter("tasks_total", "Tasks that were begun.", stats.ran);
  counter("steals_total", "Times that a thread took tasks from another one's queue.", stats.stolen);
  counter("parks_total", "Times that a thread went to sleep.", stats.parks);
  counter("wakes_total", "Times that a thread was woken to run tasks.", metrics.wakes);
  counter("retakes_total", "Times that a P was taken from a blocking call.", metrics.retakes);
  counter("preemptions_total", "Times that a task lost its P at the end of its slice.", stats.preempted);
  counter("port_values_total", "Values that went by message port.", metrics.byPort.values);
  counter("port_bytes_total", "Bytes of these.", metrics.byPort.bytes);
  gauge("arena_bytes", "Size of the shared memory.", metrics.arena.bytes);
  gauge("arena_block_bytes", "Of that, blocks for small values, used or free.", metrics.arena.blocks);
  gauge("arena_span_bytes", "Of that, spans of large values in use.", metrics.arena.spans);
  const cpuSeconds = (at: number) => {
    const { cpuMs } = threads[at];
    return cpuMs === undefined ? undefined : cpuMs / MS_PER_SECOND;
  };
  ofThreads("counter", "thread_cpu_seconds_total", "CPU time of a thread.", cpuSeconds);
  ofThreads("gauge", "thread_heap_bytes", "Used bytes of a thread's heap.", (at) => threads[at].heapBytes);
  histogram("scheduling_latency_seconds", "From queued to begun.", metrics.schedulingLatency);
  histogram("run_time_seconds", "From begun to the end or the first await.", metrics.runTime);
  histogram("blocking_call_seconds", "Calls of ctx.blocking.", metrics.blockingCalls);
  histogram("freeze_seconds", "Threads frozen at the end of a time slice.", metrics.freezes);
  histogram("host_delay_seconds", "How late timers of the host were.", metrics.hostDelay);
  histogram("queue_length", "Queued tasks, as sampled.", metrics.queueLength, LENGTHS, 1);
  return `${lines.join("\n")}\n`;
}

function escaped(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
