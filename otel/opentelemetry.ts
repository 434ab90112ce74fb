/**
 * Heddle's tasks and numbers for [OpenTelemetry](https://opentelemetry.io), by its public API: for programs that have that. It is no
 * part of `@heddle/heddle`, and stands on nothing but its exports.
 *
 * With `OTEL_DENO=true` Deno itself sends spans. **Set `OTEL_DENO_METRICS=false` beside it**: Deno (2.9) reads metrics of its own from
 * the event loop of each thread, and waits until that has turned, also as the process ends. A thread that sleeps elsewhere, as an idle
 * one of Heddle does, keeps it waiting for ever. So {@linkcode exportMetrics} wants a meter provider of the program's own
 * (`@opentelemetry/sdk-metrics`).
 *
 * @example A service, and a module of its tasks
 * ```ts ignore
 * // tasks.ts
 * import { task } from "@heddle/heddle/otel";
 *
 * export const render = task(import.meta, "render", async (_ctx, url: string) => {
 *   const page = await fetch(url); // a child of the task's span
 *   return (await page.text()).length;
 * });
 *
 * // main.ts: OTEL_DENO=true OTEL_DENO_METRICS=false deno run -A main.ts
 * import { Scheduler } from "@heddle/heddle";
 * import { render } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ name: "pages" });
 * Deno.serve(async () => Response.json(await sched.go(render("https://example.com")))); // a child of the request's span
 * ```
 *
 * @module
 */
import {
  type Attributes,
  type BatchObservableResult,
  context,
  type Meter,
  metrics,
  type Observable,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
  // deno-lint-ignore no-import-prefix -- Where this is imported by its address there is no import map.
} from "npm:@opentelemetry/api@^1.9.0";
import {
  type Call,
  type Cloneable,
  type Histogram,
  type Metrics,
  type Scheduler,
  task as define,
  type TaskContext,
  type TaskDefinition,
} from "../mod.js";

const NAME = "heddle";

/** A span's context as the program's propagators write it; null: there is none. */
type Carrier = Record<string, string> | null;

/**
 * As Heddle's own `task`, and each run is a span of the task's name: from the moment that a thread begins it until its function has
 * ended, which takes along what it awaits. Its parent is the span that was active where the call was made
 * (`render(url)`), on the host or in another task, on whatever thread. In the task that span is the active one: what it
 * fetches, its own spans and the tasks that it starts are its children. An error that ends the task ends the span as one.
 *
 * Attributes are `thread.id` and `heddle.task.id`. The span's context goes to the thread as one more argument, by the program's
 * propagators. Where nobody listens that argument is null, and a task takes as long as without.
 *
 * Not for tasks that yield many results: these are Heddle's own `task` alone.
 *
 * After the context propagation of OpenTelemetry's own instrumentations of worker pools.
 *
 * @param meta The `import.meta` of the module.
 * @param name Unique in that module, and the span's.
 * @param fn What runs.
 * @throws {TypeError} as Heddle's `task`, and for a generator function.
 */
export function task<A extends unknown[], R>(
  meta: ImportMeta,
  name: string & Cloneable<A>,
  fn: (ctx: TaskContext, ...args: A) => R | Promise<R>,
): TaskDefinition<A, R> {
  if (Object.prototype.toString.call(fn).endsWith("GeneratorFunction]")) {
    throw new TypeError(`task "${name}" yields many results: define it by task() of "@heddle/heddle".`);
  }
  const run = (ctx: TaskContext, carrier: Carrier, ...args: A) =>
    inSpan(name, ctx, carrier, () => fn(ctx, ...args));
  const defined = (define as unknown as Define<R>)(meta, name, run);
  const definition = (...args: A): Call<R> => defined(carrierOfCaller(), ...args);
  Object.defineProperty(definition, "name", { value: name, configurable: true });
  return Object.assign(definition, defined, { fn });
}

/** Without what TypeScript knows of arguments. */
type Define<R> = (meta: ImportMeta, name: string, fn: unknown) => (...args: unknown[]) => Call<R>;

function carrierOfCaller(): Carrier {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  for (const _ in carrier) return carrier;
  return null;
}

/** What is active here may be of another task of this thread: the span's parent is the one that came along, or there is none. */
function inSpan<R>(
  name: string,
  ctx: TaskContext,
  carrier: Carrier,
  fn: () => R | Promise<R>,
): R | Promise<R> {
  const parent = carrier === null ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, carrier);
  const attributes = { "thread.id": ctx.tid, "heddle.task.id": ctx.id };
  return trace.getTracer(NAME).startActiveSpan(name, { attributes }, parent, (span) => {
    try {
      const result = fn();
      if (result instanceof Promise) return ended(span, result);
      span.end();
      return result;
    } catch (error) {
      fail(span, error);
      throw error;
    }
  });
}

async function ended<R>(span: Span, result: Promise<R>): Promise<R> {
  try {
    const value = await result;
    span.end();
    return value;
  } catch (error) {
    fail(span, error);
    throw error;
  }
}

function fail(span: Span, error: unknown): void {
  const { name = "Error", message = String(error), stack } = error instanceof Error ? error : {};
  span.recordException({ name, message, ...(stack !== undefined && { stack }) });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

/**
 * Tells the program's meter provider what {@linkcode Scheduler.metrics} has, whenever that asks: counters and gauges that begin with
 * `heddle.`, in seconds and bytes. Of each histogram there is its `.count`, its `.sum`, and a gauge with the attribute `quantile`
 * (0.5, 0.9, 0.99, 0.999 and 1), over the scheduler's life: OpenTelemetry's API takes no histogram that is counted elsewhere. All have the
 * attribute `heddle.scheduler` if the scheduler has a name.
 *
 * @example
 * ```ts ignore
 * import { metrics } from "@opentelemetry/api";
 * import { MeterProvider } from "@opentelemetry/sdk-metrics";
 * import { Scheduler } from "@heddle/heddle";
 * import { exportMetrics } from "@heddle/heddle/otel";
 *
 * metrics.setGlobalMeterProvider(new MeterProvider({ readers: [] })); // with a reader that exports
 * await using sched = await Scheduler.start({ name: "pages" });
 * using _exported = exportMetrics(sched);
 * ```
 *
 * @returns What ends that: dispose it before the scheduler is closed.
 */
export function exportMetrics(sched: Scheduler): Disposable {
  const meter = metrics.getMeter(NAME);
  const reads = [...instruments(meter)];
  const all = reads.map(({ instrument }) => instrument);
  const observe = (result: BatchObservableResult) => {
    const now = sched.metrics();
    const own: Attributes = now.name === undefined ? {} : { "heddle.scheduler": now.name };
    for (const { instrument, read } of reads) {
      for (const [value, attributes] of read(now)) {
        if (value !== undefined) result.observe(instrument, value, { ...own, ...attributes });
      }
    }
  };
  meter.addBatchObservableCallback(observe, all);
  return { [Symbol.dispose]: () => meter.removeBatchObservableCallback(observe, all) };
}

type Value = readonly [value: number | undefined, attributes?: Attributes];

interface Instrument {
  readonly instrument: Observable;
  readonly read: (metrics: Metrics) => readonly Value[];
}

const MS_PER_SECOND = 1000;

function* instruments(meter: Meter): Iterable<Instrument> {
  const counter = (name: string, unit: string, read: Instrument["read"]): Instrument => ({
    instrument: meter.createObservableCounter(`heddle.${name}`, { unit }),
    read,
  });
  const gauge = (name: string, unit: string, read: Instrument["read"]): Instrument => ({
    instrument: meter.createObservableGauge(`heddle.${name}`, { unit }),
    read,
  });
  const one = (value: number | undefined): Value[] => [[value]];

  yield gauge("procs", "{proc}", ({ stats }) => one(stats.procs));
  yield gauge("procs.idle", "{proc}", ({ stats }) => one(stats.idleProcs));
  yield gauge("threads", "{thread}", ({ stats }) => one(stats.threads));
  yield gauge("threads.blocked", "{thread}", ({ stats }) => one(stats.blockedThreads));
  yield gauge("threads.frozen", "{thread}", ({ stats }) => one(stats.frozenThreads));
  yield gauge("tasks.in_flight", "{task}", ({ stats }) => one(stats.inFlight));
  yield gauge("tasks.queued", "{task}", ({ stats }) => one(stats.queued));
  yield gauge("native_calls", "{call}", ({ stats }) => one(stats.nativeCalls));
  yield counter("tasks", "{task}", ({ stats }) => one(stats.ran));
  yield counter("steals", "{steal}", ({ stats }) => one(stats.stolen));
  yield counter("parks", "{park}", ({ stats }) => one(stats.parks));
  yield counter("preemptions", "{preemption}", ({ stats }) => one(stats.preempted));
  yield counter("wakes", "{wake}", ({ wakes }) => one(wakes));
  yield counter("retakes", "{retake}", ({ retakes }) => one(retakes));
  yield counter("port.values", "{value}", ({ byPort }) => one(byPort.values));
  yield counter("port.io", "By", ({ byPort }) => one(byPort.bytes));
  yield gauge("arena.size", "By", ({ arena }) => one(arena.bytes));
  yield gauge("arena.usage", "By", ({ arena }) => [
    [arena.blocks, { kind: "blocks" }],
    [arena.spans, { kind: "spans" }],
  ]);
  const ofThreads =
    (value: (thread: Metrics["threads"][number]) => number | undefined): Instrument["read"] =>
    ({ threads }) =>
      threads.map((thread) => [value(thread), { "thread.id": thread.tid, "heddle.role": thread.role }]);
  yield counter(
    "thread.cpu.time",
    "s",
    ofThreads(({ cpuMs }) => cpuMs === undefined ? undefined : cpuMs / MS_PER_SECOND),
  );
  yield gauge("thread.heap.usage", "By", ofThreads(({ heapBytes }) => heapBytes));

  const histogram = function* (
    name: string,
    unit: string,
    perUnit: number,
    read: (metrics: Metrics) => Histogram,
  ) {
    yield counter(`${name}.count`, "1", (metrics) => one(read(metrics).count));
    yield counter(`${name}.sum`, unit, (metrics) => one(read(metrics).sum / perUnit));
    yield gauge(name, unit, (metrics) => {
      const { p50, p90, p99, p999, max } = read(metrics);
      return [[p50, 0.5], [p90, 0.9], [p99, 0.99], [p999, 0.999], [max, 1]].map((
        [value, quantile],
      ) => [value / perUnit, { quantile }]);
    });
  };
  yield* histogram("scheduling_latency", "s", MS_PER_SECOND, (metrics) => metrics.schedulingLatency);
  yield* histogram("run_time", "s", MS_PER_SECOND, (metrics) => metrics.runTime);
  yield* histogram("blocking_call", "s", MS_PER_SECOND, (metrics) => metrics.blockingCalls);
  yield* histogram("freeze", "s", MS_PER_SECOND, (metrics) => metrics.freezes);
  yield* histogram("host_delay", "s", MS_PER_SECOND, (metrics) => metrics.hostDelay);
  yield* histogram("queue_length", "{task}", 1, (metrics) => metrics.queueLength);
}
