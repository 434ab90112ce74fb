/** What of the cluster takes no server. The rest is in tests/cluster/: `deno task test:cluster`. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ThreadDiedError } from "@heddle/heddle";
import { Appetite } from "../../examples/cluster/appetite.ts";
import { erlangC, measured, predict } from "../../examples/cluster/model.ts";
import { requireTraceparent } from "../../examples/cluster/trace.ts";
import { errorFromText, errorToText, fromText, LIMIT, toText } from "../../examples/cluster/values.ts";

const program = new URL("../../examples/cluster/main.ts", import.meta.url).pathname;

Deno.test("cluster: a worker that knows nothing of its jobs takes one for each P", () => {
  const appetite = new Appetite();
  assertEquals(appetite.room({ procs: 4, idleProcs: 4, queued: 0 }, 0), 4);
  assertEquals(appetite.room({ procs: 4, idleProcs: 1, queued: 1 }, 0), 0);
});

Deno.test("cluster: a worker takes what it can start within 50 ms", () => {
  const appetite = new Appetite();
  for (let i = 0; i < 100; i++) appetite.ran(10);
  assertEquals(appetite.room({ procs: 4, idleProcs: 0, queued: 0 }, 0), 20);
  assertEquals(appetite.room({ procs: 4, idleProcs: 0, queued: 15 }, 2), 3);
  for (let i = 0; i < 200; i++) appetite.ran(1000);
  assertEquals(appetite.room({ procs: 4, idleProcs: 0, queued: 0 }, 0), 0);
});

Deno.test("cluster: values that structuredClone takes are the same on the other machine", () => {
  const value = { map: new Map([[1n, new Set(["a"])]]), bytes: new Uint16Array([1, 65535]), none: undefined };
  assertEquals(fromText(toText(value)), value);
  assertThrows(() => toText(() => 1), DOMException, "cannot leave this machine");
  assertThrows(() => toText(new Uint8Array(LIMIT)), RangeError, "put it into a store");
});

Deno.test("cluster: an error keeps its class, and its causes", () => {
  const error = new ThreadDiedError("gone");
  error.cause = new TypeError("why", { cause: "a text" });
  const copy = errorFromText(errorToText(error));
  assert(copy instanceof ThreadDiedError);
  assert(copy.cause instanceof TypeError);
  assertEquals([copy.message, copy.stack, ((copy.cause as Error).cause as Error).message], [
    "gone",
    error.stack,
    "a text",
  ]);
  const endless = new Error("endless");
  endless.cause = endless;
  assertEquals(errorFromText(errorToText(endless)).message, "endless");
  assertEquals(errorFromText(errorToText(new DOMException("late", "TimeoutError"))).name, "TimeoutError");
});

Deno.test("cluster: a traceparent that is none is refused", () => {
  const right = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  assertEquals(requireTraceparent(right), right);
  for (
    const wrong of [
      "",
      right.slice(1),
      right.replace("0af7", "xxxx"),
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    ]
  ) {
    assertThrows(() => requireTraceparent(wrong), TypeError, "traceparent");
  }
});

Deno.test("cluster: where a program traces, a job is a part of the active trace on both sides", async () => {
  const source = `
    import { activeTraceparent, within } from ${
    JSON.stringify(import.meta.resolve("../../examples/cluster/trace.ts"))
  };
    const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    console.log(activeTraceparent(), within(given, () => activeTraceparent()), within(undefined, () => 1));
  `;
  const run = async (env: Record<string, string>) => {
    const args = ["eval", "--no-config", source];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, env: { ...env, NO_COLOR: "1" } })
      .output();
    return new TextDecoder().decode(stdout);
  };
  const traced = { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
  const [without, with_] = await Promise.all([run({}), run(traced)]);
  assertEquals(without, "undefined undefined 1\n");
  assertEquals(with_, "undefined 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 1\n");
});

Deno.test("cluster: without Redis a command says how to get it, and fails", async () => {
  const args = ["run", "--quiet", "--no-check", "-A", program, "worker", "--url=redis://127.0.0.1:1"];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "apt-get install redis-server");
});

Deno.test("cluster: the model knows Erlang's formula, and which of the two is the limit", () => {
  assertAlmostEquals(erlangC(1, 0.7), 0.7);
  assertAlmostEquals(erlangC(2, 1), 1 / 3);
  assertEquals(erlangC(2, 2), 1);
  const one = { machines: 1, procs: 2, jobMs: 10, overheadMs: 0, queueRate: 1000, queues: 1 };
  assertEquals(predict(one, 0.5).limit, "computing");
  assertEquals(predict(one, 0.5).capacity, 200);
  // M/M/1's wait at half load is one service time.
  assertAlmostEquals(predict({ ...one, machines: 100 }, 0.5).waitQueueMs, 1);
  assertEquals(predict({ ...one, machines: 100 }, 0.5).limit, "the queue");
});

Deno.test("cluster: the model reads what the bench has measured", () => {
  const row = (name: string, heddle: number[]) => ({ name, samples: { heddle, piscina: [9] } });
  const rows = [row("cluster overhead", [0.3, 0.1, 0.2]), row("cluster redis", [0.125])];
  assertEquals(measured({ rows }), { overhead: "0.200", redis: "8000" });
  assertThrows(() => measured({ rows: [] }), Error, "deno task bench cluster --json=FILE");
});
