// The inspector's server: who gets in, and what it says. Its page is looked at in tests/pages/inspector.ts.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Barrier, Scheduler } from "@heddle/heddle";
import { inspect } from "@heddle/heddle/inspector";
import { Lives } from "../../inspector/lives.ts";
import { between, type Sample } from "../../inspector/sample.ts";
import { edgesOf, layersOf } from "../../inspector/page/waiting.ts";
import { sum } from "../../examples/tasks.ts";
import { soon } from "../support/deadline.ts";

const sched = await Scheduler.start({ procs: 1, name: "inspected" });
const inspector = await inspect(sched);
const { url } = inspector;
const { host, port, pathname } = new URL(url);
Deno.test.afterAll(async () => {
  await inspector.close();
  await sched.close();
});

/** As `fetch`, which does not let a program say what Host is. Resolves with the status. */
async function ask(path: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const lines = Object.entries({ connection: "close", ...headers }).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  await connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`));
  const answer = new Uint8Array(64);
  await connection.read(answer);
  return Number(new TextDecoder().decode(answer).split(" ")[1]);
}

async function look(url: string): Promise<Sample> {
  return await (await fetch(`${url}look`)).json();
}

Deno.test("who has the URL gets the page, its parts and what is seen, and nothing may come from elsewhere", async () => {
  for (const part of ["", "page.js", "page.css", "look", "tasks"]) {
    const response = await fetch(url + part);
    await response.body?.cancel();
    assertEquals([part, response.status], [part, 200]);
    assertEquals(response.headers.get("access-control-allow-origin"), null);
    assertEquals(response.headers.get("referrer-policy"), "no-referrer");
    assert(response.headers.get("content-security-policy")!.startsWith("default-src 'none';"));
  }
  assertEquals(await ask(`${pathname}elsewhere`, { host }), 404);
  assertEquals(await ask(pathname.slice(0, -1), { host }), 403);
  assertEquals(await ask(pathname, { host }, "POST"), 405);
});

Deno.test("a wrong token, a foreign Host and a foreign Origin are refused, whatever is asked", async () => {
  for (const part of ["", "look", "trace?seconds=1"]) {
    const path = pathname + part;
    assertEquals(await ask(`/${part}`, { host }), 403);
    assertEquals(await ask(`/${pathname.slice(1, -2)}x/${part}`, { host }), 403);
    assertEquals(await ask(`/x${pathname.slice(2, -1)}/${part}`, { host }), 403);
    assertEquals(await ask(`/${pathname.slice(1, -2)}/${part}`, { host }), 403);
    assertEquals(await ask(`/${pathname.slice(1, -1)}0/${part}`, { host }), 403);
    assertEquals(await ask(path, { host: "example.com" }), 403);
    assertEquals(await ask(path, { host: `example.com:${port}` }), 403);
    assertEquals(await ask(path, { host: "127.0.0.1" }), 403);
    assertEquals(await ask(`http://${host}${path}`, { host: "example.com" }), 403);
    assertEquals(await ask(`http://example.com${path}`, { host }), 403);
    assertEquals(await ask(path, { host, origin: "https://example.com" }), 403);
    assertEquals(await ask(path, { host, origin: "null" }), 403);
    assertEquals(await ask(path, { host, origin: `https://${host}` }), 403);
  }
  assertEquals(await ask(pathname, { host, origin: `http://${host}` }), 200);
  assertEquals(await ask(pathname, { host: `localhost:${port}` }), 200);
});

Deno.test("a sample has what a dump and metrics have, and those who ask later get tasks by search", async () => {
  await using page = await inspect(sched);
  const _door = new Barrier(sched, 2, { name: "door" });
  await sched.go(sum(0, 5));
  const { name, threads, objects, metrics } = await look(page.url);
  assertEquals(name, "inspected");
  // Others may be starting.
  assertEquals(threads[0].tid, sched.dump().threads[0].tid);
  assertEquals(objects.map(({ label }) => label), ["door"]);
  assertEquals(metrics.schedulingLatency.count, sched.metrics().schedulingLatency.count);
  assertEquals(await (await fetch(`${url}tasks?search=nobody`)).json(), { total: 0, rows: [] });
  assertEquals(await ask(`${pathname}task?id=123456`, { host }), 404);
});

Deno.test("a scheduler is looked at only when the page asks, and not more often than pays", async () => {
  let looks = 0;
  await using counted = await inspect({
    dump: () => (looks++, sched.dump()),
    metrics: () => sched.metrics(),
    trace: (options) => sched.trace(options),
  });
  await (await fetch(counted.url)).text();
  assertEquals(looks, 0);
  const first = await look(counted.url);
  const times: number[] = [];
  while (times.length < 2) {
    const { at } = await look(counted.url);
    if (at !== (times.at(-1) ?? first.at)) times.push(at);
  }
  assertEquals(looks, 3);
  assert(times[1] - first.at >= 2 * 124, `${times[1] - first.at} ms for three`);
});

Deno.test("a trace that the page asks for is a file for Perfetto, and a scheduler has one at a time", async () => {
  const file = await Deno.makeTempFile();
  await using _ = await sched.trace({ file });
  assertEquals(await ask(`${pathname}trace?seconds=0.01`, { host }), 409);
  await _.stop();
  assertEquals(await ask(`${pathname}trace?seconds=1e9`, { host }), 400);
  const events = await (await fetch(`${url}trace?seconds=0.01`)).json();
  assert(
    events.some(({ ph, args }: { ph: string; args: { name: string } }) => ph === "M" && args.name === "host"),
  );
});

Deno.test("inspect() refuses what is no scheduler, no option and no port", async () => {
  // deno-lint-ignore no-explicit-any -- What it is not meant for.
  const wrong = inspect as (...given: any[]) => Promise<unknown>;
  await assertRejects(() => wrong({}), TypeError, "inspect got object: give a Scheduler.");
  await assertRejects(() => wrong(sched, { host: "0.0.0.0" }), TypeError, "inspect has no option host");
  await assertRejects(() => wrong(sched, { port: 65536 }), RangeError, "port is 65536");
});

Deno.test("the last that is seen of a scheduler is that it is closed", async () => {
  const closing = await Scheduler.start({ procs: 1 });
  await using page = await inspect(closing);
  assertEquals((await look(page.url)).isClosed, false);
  await closing.close();
  let sample: Sample;
  do sample = await look(page.url); while (!sample.isClosed);
  // There is nothing new after that.
  await new Promise((resolve) => setTimeout(resolve, sample.everyMs));
  assertEquals((await look(page.url)).at, sample.at);
});

Deno.test("closing an inspector ends a trace that its page has asked for", async () => {
  const begun = Promise.withResolvers<void>();
  const page = await inspect({
    dump: () => sched.dump(),
    metrics: () => sched.metrics(),
    trace: async (options) => {
      const trace = await sched.trace(options);
      begun.resolve();
      return trace;
    },
  });
  const asked = fetch(`${page.url}trace?seconds=60`);
  await soon(begun.promise, "the trace");
  const closed = page.close();
  assert(Array.isArray(await (await soon(asked, "the file")).json()));
  await soon(closed, "the server's end");
});

Deno.test("task inspect has a program inspected without a word in it, until it or its scheduler ends", async () => {
  const program = new URL("../programs/is_inspected.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      new URL("../../inspector/main.ts", import.meta.url).href,
      "--",
      program,
    ],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines = child.stderr.pipeThrough(new TextDecoderStream());
  let said = "";
  for await (const part of lines.values({ preventCancel: true })) {
    said += part;
    if (said.split("\n").length === 3) break;
  }
  const [, seen] =
    /^Heddle: inspect it at \S+\nHeddle "seen": inspect it at (http:\/\/127\.0\.0\.1:\d+\/\w{32}\/)\n$/
      .exec(said)!;
  assertEquals((await look(seen)).name, "seen");
  // The program ends although the browser has a connection.
  await child.stdin.close();
  assertEquals((await soon(child.status, "the program's end")).code, 0);
  assertEquals(await new Response(child.stdout).text(), "200 closed\n");
  await lines.cancel();
});

Deno.test("a task's life is the states in which it was seen, and of a moment is asked what was then", () => {
  const lives = new Lives();
  const task = { id: 7, name: "sum", module: "file:///tasks.ts", startedBy: "host" as const };
  lives.add(1000, [{ ...task, state: "queued" }]);
  lives.add(2000, [{ ...task, state: "begun", thread: 5 }]);
  lives.add(3000, [{ ...task, state: "begun", thread: 5 }]);
  lives.add(4000, []);
  const steps = [
    { at: 1000, state: "queued" },
    { at: 2000, state: "begun", thread: 5 },
    { at: 4000, state: "gone" },
  ];
  assertEquals<unknown>(lives.of(7)?.steps, steps);
  const asked = (at: number | undefined, search = "", state = "") =>
    lives.ask({ search, state, at, page: 0 }).rows.map(({ state }) => state);
  assertEquals([asked(500), asked(1500), asked(3500), asked(undefined)], [[], ["queued"], ["begun"], []]);
  assertEquals([asked(2500, "TASKS"), asked(2500, "7"), asked(2500, "max"), asked(2500, "", "queued")], [
    ["begun"],
    ["begun"],
    [],
    [],
  ]);
  lives.add(40_000, []);
  assertEquals(lives.of(7), undefined);
});

Deno.test("a graph of waits has what waits above what it waits for, and a circle has an end", () => {
  const objects = [["a", 1, 2], ["b", 2, 1], ["c", 3, 1]].map(([name, waits, holds]) => ({
    name: name as string,
    kind: "mutex" as const,
    heldBy: [{ thread: holds as number, times: 1 }],
    waiting: [{ operation: "lock" as const, thread: waits as number, count: 1, inSelect: false }],
  }));
  const layers = layersOf(edgesOf({ objects }));
  assert(layers.get("thread 3")! > layers.get("c")! && layers.get("c")! > layers.get("thread 1")!);
  assertEquals(layers.size, 6);
});

Deno.test("what two histograms differ in is a histogram of what was in between", () => {
  const before = {
    count: 3,
    sum: 5,
    p50: 1,
    p90: 3,
    p99: 3,
    p999: 3,
    max: 3,
    buckets: [[1, 2], [3, 1]] as [number, number][],
  };
  const after = { ...before, count: 6, sum: 24, buckets: [[1, 2], [3, 2], [8, 2]] as [number, number][] };
  const { count, sum, p50, max, buckets } = between(before, after);
  assertEquals([count, sum, p50, max, buckets], [3, 19, 8, 8, [[3, 1], [8, 2]]]);
});
