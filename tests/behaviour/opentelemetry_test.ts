// What a collector hears of a program that tells OpenTelemetry.
import { assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import { type Attributes, metrics } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { Scheduler } from "@heddle/heddle";
import { exportMetrics, task } from "@heddle/heddle/otel";
import { until } from "../support/deadline.ts";
import { runProgram } from "../support/programs.ts";
import { inner, outer } from "../tasks/spanned.ts";

/** As OTLP has it in JSON: what is of interest here. */
interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  status: { code: number; message?: string };
  attributes: Attribute[];
  events: { name: string }[];
}

interface Attribute {
  key: string;
  value: { intValue?: number | string; doubleValue?: number };
}

function valueOf(attributes: readonly Attribute[], key: string): number | undefined {
  const { intValue, doubleValue } = attributes.find((one) => one.key === key)?.value ?? {};
  return doubleValue ?? (intValue === undefined ? undefined : Number(intValue));
}

Deno.test("each task is a span under its caller's, on whatever thread, and a collector hears of it", async () => {
  const spans: Span[] = [];
  await using collector = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const body = await request.json();
    for (const { scopeSpans } of body.resourceSpans ?? []) {
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    return Response.json({});
  });
  const { code, stdout, stderr } = await runProgram("tells_opentelemetry", {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      OTEL_DENO_METRICS: "false",
      OTEL_DENO_CONSOLE: "ignore",
    },
  });
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "[ [ 0, 2, 4 ], [ 0, 2 ] ]\nRangeError: on purpose\n42 inner 2\n");

  const named = (name: string) => spans.filter((span) => span.name === name);
  const [request] = named("request");
  const outers = named("outer");
  assertEquals(outers.map(({ traceId, parentSpanId }) => [traceId, parentSpanId]), [
    [request.traceId, request.spanId],
    [request.traceId, request.spanId],
  ]);
  const inners = outers.map(({ spanId }) =>
    named("inner").filter(({ parentSpanId }) => parentSpanId === spanId)
  );
  assertEquals(inners.map(({ length }) => length).toSorted(), [2, 3]);
  for (const { spanId, traceId } of inners.flat()) {
    assertEquals(named("in inner").filter((own) => own.parentSpanId === spanId).map((own) => own.traceId), [
      traceId,
    ]);
  }
  // Nothing was active where it was called.
  const alone = named("inner").filter(({ traceId }) => traceId !== request.traceId);
  assertEquals(alone.map(({ parentSpanId }) => parentSpanId), [""]);
  const [failed] = named("fails");
  assertEquals([failed.status.code, failed.status.message], [2, "on purpose"]);
  assertEquals(failed.events.map(({ name }) => name), ["exception"]);
  const threads = spans.map(({ attributes }) => valueOf(attributes, "thread.id")).filter((tid) =>
    tid !== undefined
  );
  assertEquals(threads.length, named("outer").length + named("inner").length + named("fails").length);
  assertGreaterOrEqual(new Set(threads).size, 2);
});

Deno.test("where nobody listens to OpenTelemetry its tasks are tasks", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  assertEquals(await sched.go(outer(3)), [0, 2, 4]);
  assertEquals(inner(4).args, [null, 4]);
  assertThrows(
    () => task(import.meta, "many", function* () {} as unknown as () => void),
    TypeError,
    `task "many" yields many results`,
  );
});

Deno.test("a meter provider is told what metrics() says, until that is disposed", async () => {
  class Reader extends MetricReader {
    override onShutdown = () => Promise.resolve();
    override onForceFlush = () => Promise.resolve();
  }
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  await using sched = await Scheduler.start({ procs: 1, name: "told" });
  await sched.go(outer(3));
  // The thread has told it as it went to sleep.
  await until(() => sched.stats().ran === 4, "all are counted");
  const exported = exportMetrics(sched);
  const read = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    assertEquals(errors, []);
    return new Map(
      resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics).map((
        one,
      ) => [one.descriptor.name, one.dataPoints]),
    );
  };
  const told = await read();
  const says = sched.metrics();
  const own = { "heddle.scheduler": "told" };
  const one = (name: string) =>
    told.get(`heddle.${name}`)?.map(({ value, attributes }) => [value, attributes]);
  assertEquals(one("tasks"), [[4, own]]);
  assertEquals(one("procs"), [[1, own]]);
  assertEquals(one("arena.size"), [[says.arena.bytes, own]]);
  assertEquals(one("run_time.count"), [[says.runTime.count, own]]);
  assertEquals(one("run_time")?.at(-1), [says.runTime.max / 1000, { ...own, quantile: 1 }]);
  assertEquals(
    // Where no thread's CPU time is known it is not exported.
    (one("thread.cpu.time") ?? []).map(([, attributes]) => (attributes as Attributes)["heddle.role"])
      .toSorted(),
    [
      ...says.threads.filter(({ cpuMs }) => cpuMs !== undefined).map(({ role }) => role),
    ].toSorted(),
  );
  exported[Symbol.dispose]();
  // Nobody asks any more.
  Object.defineProperty(sched, "metrics", { value: () => assertEquals("asked", "not asked") });
  await read();
  await provider.shutdown();
  metrics.disable();
});
