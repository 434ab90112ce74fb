/**
 * The inspector's page, in a real Chromium: `deno task test:pages`.
 *
 *   -- --minutes=10   keeps a page open for so long, and looks whether it leaks; default: 2
 *   -- --pictures     draws those of docs/seeing.md anew
 */
import { assert, assertEquals, assertGreater, assertLess, assertMatch, equal } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import type { CDPSession, Page } from "puppeteer-core";
import { Barrier, type Dump, type DumpedTask, Mutex, Scheduler } from "@heddle/heddle";
import { inspect } from "@heddle/heddle/inspector";
import { WINDOW } from "../../inspector/page/history.ts";
import { metricsOf } from "../../inspector/page/metrics.ts";
import { checkPage, pages } from "../../native/build.ts";
import { soon } from "../support/deadline.ts";
import { resize, spin, transfer } from "../tasks/inspected.ts";
import { startBrowser } from "./browser.ts";

const { minutes, pictures } = parseArgs(Deno.args, { string: ["minutes"], boolean: ["pictures"] }) as {
  minutes?: string;
  pictures: boolean;
};
const browser = await startBrowser();
Deno.test.afterAll(() => browser.close());

/** The page, and what went wrong on it. */
async function open(url: string, width = 900): Promise<{ page: Page; errors: string[]; asked: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [], asked: string[] = [];
  page.on("pageerror", (error: unknown) => errors.push(String(error)));
  page.on("console", (message: { text(): string }) => errors.push(message.text()));
  page.on("request", (request: { url(): string }) => asked.push(request.url()));
  await page.setViewport({ width, height: 800 });
  await page.goto(url);
  await page.waitForSelector("#metrics");
  return { page, errors, asked };
}

/** What an expression is on the page, as soon as it is true there. */
async function seen<T>(page: Page, expression: string, what: string): Promise<T> {
  const value = await soon(page.waitForFunction(expression, { polling: 50 }), what);
  return await value.jsonValue() as T;
}

/** From the top of the page to the end of a section. */
async function picture(page: Page, name: string, from: string, to: string): Promise<void> {
  if (pictures) {
    const clip = await page.evaluate(`{
      const [first, last] = [${JSON.stringify(from)}, ${
      JSON.stringify(to)
    }].map((one) => document.querySelector(one).getBoundingClientRect());
      ({ x: 0, y: Math.max(0, first.top + scrollY - 8), width: innerWidth, height: last.bottom - first.top + 16 });
    }`) as { x: number; y: number; width: number; height: number };
    const path = new URL(`../../docs/${name}.png`, import.meta.url).pathname;
    await page.screenshot({ path, clip, captureBeyondViewport: true } as Parameters<Page["screenshot"]>[0]);
  }
  const { size } = await Deno.stat(new URL(`../../docs/${name}.png`, import.meta.url));
  assertLess(size, 100_000, `docs/${name}.png`);
}

function textOf(page: Page, selector: string): Promise<string> {
  return page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`) as Promise<string>;
}

function tick(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

for (const page of pages) {
  Deno.test(`${page.out} is what its sources give`, async () => {
    assertEquals(await checkPage(page), "same source");
  });
}

Deno.test("a circle of threads that wait for each other stands out, in words and in red", async () => {
  await using sched = await Scheduler.start({ procs: 2, name: "bank" });
  await using inspector = await inspect(sched);
  const [mine, yours] = ["mine", "yours"].map((name) => new Mutex(sched, { name }));
  const both = new Barrier(sched, 2);
  const tasks = [
    sched.dedicate(transfer(mine, yours, both), { name: "to you" }),
    sched.dedicate(transfer(yours, mine, both), { name: "to me" }),
  ];
  for (const task of tasks) task.catch(() => {});
  const { page, errors } = await open(inspector.url);
  const text = await seen<string>(page, `document.querySelector(".cycle")?.textContent`, "the circle");
  const [first, second] = sched.dump().cycles[0];
  assertEquals(
    text,
    `Circle: thread ${first.thread} waits for ${first.waitsFor}, held by thread ${second.thread}; ` +
      `thread ${second.thread} waits for ${second.waitsFor}, held by thread ${first.thread}.`,
  );
  assertEquals(
    await page.evaluate(
      `[".node.red", ".edge.red", ".node"].map((one) => document.querySelectorAll(one).length)`,
    ),
    [
      4,
      4,
      4,
    ],
  );
  assertMatch(await textOf(page, ".standsout"), /2 threads wait for each other/);
  await picture(page, "seeing-hang", "#waiting", "#objects");
  assertEquals(errors, []);
  await page.close();
});

Deno.test("a circle of tasks of one thread is told by tasks, and names who holds each lock", async () => {
  await using sched = await Scheduler.start({ procs: 1, name: "table", stacks: true });
  await using inspector = await inspect(sched);
  const locker = await sched.locker();
  const [fork, knife] = ["fork", "knife"].map((name) => new Mutex(sched, { name }));
  const both = new Barrier(sched, 2);
  const tasks = [locker.go(transfer(fork, knife, both)), locker.go(transfer(knife, fork, both))];
  for (const task of tasks) task.catch(() => {});
  const { page, errors } = await open(inspector.url);
  const text = await seen<string>(page, `document.querySelector(".cycle")?.textContent`, "the circle");
  const [first, second] = sched.dump().cycles[0].map(({ task }) => `task ${task} of thread ${locker.tid}`);
  assertMatch(
    text,
    new RegExp(
      `^Circle: ${first} waits for mutex \\d+ "\\w+", held by ${second}; ${second} .*, held by ${first}.$`,
    ),
  );
  assertMatch(await textOf(page, ".standsout"), /2 tasks wait for each other/);
  assertMatch(
    await textOf(page, ".objects"),
    new RegExp(`held by.*task ${tasks[0].id} of thread ${locker.tid}`, "s"),
  );
  assertEquals(errors, []);
  await page.close();
});

Deno.test("a hog is called one, with its thread and for how long", async () => {
  await using sched = await Scheduler.start({ procs: 2, name: "shop" });
  await using inspector = await inspect(sched);
  const until = new Int32Array(new SharedArrayBuffer(4));
  const task = sched.go(spin(until));
  // Others wait for its place now and then.
  const others = setInterval(() => sched.go(resize(4)).catch(() => {}), 25);
  try {
    const { page, errors } = await open(inspector.url);
    const text = await seen<string>(page, `document.querySelector(".standsout")?.textContent`, "the hog");
    const hot = sched.dump().threads.find(({ runs }) => runs === "spin")!;
    assertMatch(text, new RegExp(`^spin has kept thread ${hot.tid} for [\\d.]+ s`));
    assertMatch(
      await textOf(page, ".threads .hog"),
      new RegExp(`^${hot.tid} .*spin \\(a hog for`),
    );
    assertEquals(await page.evaluate(`document.querySelectorAll(".standsout li").length`), 1);
    if (pictures) await tick(20_000);
    await picture(page, "seeing-hot", "header", "#lanes");
    assertEquals(errors, []);
    await page.close();
  } finally {
    clearInterval(others);
    Atomics.store(until, 0, 1);
    await task;
  }
});

Deno.test("a service that is slow shows what its tasks wait for, and numbers are those of metrics()", async () => {
  await using sched = await Scheduler.start({ procs: 1, name: "pages" });
  await using inspector = await inspect(sched);
  const { page, errors } = await open(inspector.url);
  // More than one P can do, and then less.
  const rounds = pictures ? 280 : 40;
  for (let n = 0; n < rounds; n++) {
    for (let i = 0; i < (n < rounds / 2 ? 40 : 5); i++) sched.go(resize(3)).catch(() => {});
    await tick(100);
  }
  await picture(page, "seeing-slow", "header", "#plots");
  await sched.drain({ timeout: 120_000 });
  // It is quiet soon, but for the host's own event loop.
  let wanted: Map<string, unknown>, shown: Map<string, unknown>;
  const deadline = performance.now() + 20_000;
  do {
    await tick(200);
    wanted = new Map(metricsOf({ metrics: sched.metrics() }).map(([path, ...rest]) => [path, rest]));
    shown = new Map(
      await page.evaluate(
        `[...document.querySelectorAll("[data-metric]")].map(({ dataset, textContent }) =>
          [dataset.metric, [Number(dataset.value), textContent]])`,
      ) as [string, [number, string]][],
    );
    for (const path of [...wanted.keys()].filter((path) => path.startsWith("hostDelay."))) {
      assert(shown.delete(path));
      wanted.delete(path);
    }
  } while (!equal(wanted, shown) && performance.now() < deadline);
  assertEquals(shown, wanted);
  assertEquals(errors, []);
  await page.close();
});

Deno.test("by keys one pauses, goes back, finds a task and sees its life", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await using inspector = await inspect(sched);
  const until = new Int32Array(new SharedArrayBuffer(4));
  const tasks = Array.from({ length: 5 }, (_, n) => sched.go(spin(until), { name: `page ${n}` }));
  const { page, errors } = await open(inspector.url);
  await seen(page, `document.querySelector("[data-total]").dataset.total === "5"`, "five tasks");
  await seen(page, `document.querySelector("input[type=range]").min < -500`, "a past");
  await page.keyboard.press("Space");
  const moment = await seen<string>(
    page,
    `document.querySelector(".status").textContent.match(/:/)?.input`,
    "a pause",
  );
  await page.keyboard.press("ArrowLeft");
  assertLess(await textOf(page, ".status"), moment);
  await page.keyboard.press("End");
  assertEquals(await textOf(page, ".status"), moment);
  await page.keyboard.press("Space");
  assertEquals(await textOf(page, ".status"), "live");
  await page.keyboard.press("/");
  await page.keyboard.type("page 0");
  await seen(
    page,
    `document.querySelector("[data-total]").dataset.total === "1"`,
    "the one that was looked for",
  );
  await page.keyboard.press("Tab");
  await page.click(".tasks tbody button");
  assertMatch(
    await seen<string>(page, `document.querySelector(".life")?.textContent`, "its life"),
    new RegExp(`Task ${tasks[0].id}: page 0.*started by host.*begun on thread \\d+`),
  );
  Atomics.store(until, 0, 1);
  await Promise.all(tasks);
  await seen(page, `/gone/.test(document.querySelector(".life").textContent)`, "its end");
  await seen(page, `document.querySelector("[data-total]").dataset.total === "0"`, "no such task any more");
  // Where the cursor is in a button or a field, keys are for that.
  await page.evaluate("document.activeElement.blur()");
  await page.keyboard.press("Home");
  await seen(
    page,
    `document.querySelector("[data-total]").dataset.total === "1"`,
    "the task that there was then",
  );
  assertEquals(errors, []);
  await page.close();
});

Deno.test("a trace that is saved is a file for Perfetto", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await using inspector = await inspect(sched);
  const { page, errors } = await open(inspector.url);
  await page.evaluate(`{
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => (blob.text().then((text) => globalThis.saved = text), make(blob));
  }`);
  const some = setInterval(() => sched.go(resize(1)).catch(() => {}), 100);
  try {
    await page.keyboard.press("s");
    const events: { name: string }[] = JSON.parse(await seen<string>(page, "globalThis.saved", "the file"));
    assert(events.some(({ name }) => name === "resize"));
  } finally {
    clearInterval(some);
  }
  assertEquals(errors, []);
  await page.close();
});

for (const width of [360, 1280]) {
  Deno.test(`it fits ${width} pixels, light and dark, and asks nobody but its own server`, async () => {
    await using sched = await Scheduler.start({
      procs: 4,
      name: "a service with a name that is not short at all",
    });
    await using inspector = await inspect(sched);
    const until = new Int32Array(new SharedArrayBuffer(4));
    const task = sched.go(spin(until));
    const mutex = new Mutex(sched, { name: "a mutex with a name that is not short" });
    const { page, errors, asked } = await open(inspector.url, width);
    const grounds: unknown[] = [];
    for (const value of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
      await seen(page, `document.querySelectorAll(".u-over").length === 5`, "plots");
      const [scrolled, ...colors] = await page.evaluate(`[
        document.scrollingElement.scrollWidth,
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.body).color,
      ]`) as [number, string, string];
      assert(scrolled <= width, `${scrolled} pixels are wider than ${width}`);
      grounds.push(...colors);
    }
    assertEquals(new Set(grounds).size, 4);
    assertEquals(asked.filter((one) => !one.startsWith(inspector.url) && one !== "data:,"), []);
    assertEquals(errors, []);
    await page.close();
    Atomics.store(until, 0, 1);
    await task;
    void mutex;
  });
}

Deno.test("a page of another origin gets nothing, also if it has the token", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await using inspector = await inspect(sched);
  const other = Deno.serve(
    { port: 0, onListen: () => {} },
    () => new Response("<p>Another page", { headers: { "content-type": "text/html" } }),
  );
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${other.addr.port}`);
  const got = await page.evaluate(`(async (url) => [
    await fetch(url).then(() => "read", () => "refused"),
    await fetch(url + "look", { mode: "no-cors" }).then(() => "read", () => "refused"),
    await new Promise((end) => {
      const script = document.createElement("script");
      script.src = url + "page.js";
      script.onload = () => end("read");
      script.onerror = () => end("refused");
      document.body.append(script);
    }),
  ])(${JSON.stringify(inspector.url)})`);
  assertEquals(got, ["refused", "refused", "refused"]);
  await page.close();
  await other.shutdown();
});

/** Of a scheduler with 64 threads and 100,000 tasks, of which each look sees another state. */
function busy(dump: Dump): () => Dump {
  const [thread] = dump.threads;
  const states = ["running", "in call", "frozen", "in event loop"] as const;
  const tasks = Array.from({ length: 100_000 }, (_, n): DumpedTask => ({
    id: n,
    name: `task ${n % 200}`,
    module: "file:///tasks.ts",
    state: n % 3 === 0 ? "begun" : "queued",
    startedBy: "host",
  }));
  let looks = 0;
  return () => {
    looks++;
    return {
      ...dump,
      tasks,
      threads: Array.from({ length: 64 }, (_, n) => ({
        ...thread,
        tid: n + 1,
        name: `thread ${n}`,
        state: states[(n + looks) % 4],
        runs: `task ${(n + looks) % 7}`,
        ran: looks,
      })),
    };
  };
}

Deno.test("with 64 threads and 100,000 tasks it draws 30 frames a second", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await using inspector = await inspect({
    dump: busy(sched.dump()),
    metrics: () => sched.metrics(),
    trace: (options) => sched.trace(options),
  });
  const { page, errors } = await open(inspector.url);
  await seen(page, `document.querySelectorAll(".names li").length > 64`, "all threads");
  // The best of some seconds: others use the machine, too.
  const frames = await page.evaluate(`(async () => {
    const counts = [];
    for (let i = 0; i < 8; i++) {
      let frames = 0;
      const end = performance.now() + 1000;
      while (performance.now() < end) await new Promise((next) => requestAnimationFrame(() => next(frames++)));
      counts.push(frames);
    }
    return counts;
  })()`) as number[];
  assertGreater(Math.max(...frames), 30, String(frames));
  assertEquals(await page.evaluate(`document.querySelector("[data-total]").dataset.total`), "100000");
  assertEquals(errors, []);
  await page.close();
});

interface Memory {
  /** MiB. */
  readonly page: number;
  readonly program: number;
  readonly nodes: number;
  readonly listeners: number;
}

async function memory(page: Page, session: CDPSession): Promise<Memory> {
  await session.send("HeapProfiler.collectGarbage");
  const { JSHeapUsedSize = 0, Nodes = 0, JSEventListeners = 0 } = await page.metrics();
  (globalThis as { gc?: () => void }).gc!();
  const { heapUsed } = Deno.memoryUsage();
  return {
    page: JSHeapUsedSize / 2 ** 20,
    program: heapUsed / 2 ** 20,
    nodes: Nodes,
    listeners: JSEventListeners,
  };
}

Deno.test("a page that stays open leaks nothing, and neither does the program", async () => {
  const whole = Number(minutes ?? 2) * 60_000;
  assertGreater(whole, 2 * WINDOW, "--minutes: the window of 30 seconds is to be full at the half");
  await using sched = await Scheduler.start({ procs: 2 });
  await using inspector = await inspect(sched);
  const others = setInterval(() => {
    for (let i = 0; i < 20; i++) sched.go(resize(0.1)).catch(() => {});
  }, 20);
  try {
    const { page, errors } = await open(inspector.url);
    const session = await page.createCDPSession();
    const first = Math.min(60_000, whole / 2);
    await tick(first);
    const early = await memory(page, session);
    await tick(whole - first);
    const late = await memory(page, session);
    console.log(early, late);
    // A sample is 3 KiB, and there are eight a second: one that is kept in 20 would be 1 MiB in two minutes.
    assertLess(late.page, early.page * 1.1 + 1);
    assertLess(late.program, early.program * 1.1 + 2);
    // A table that happens to be full has 300 more than an empty one; what each sample leaves would be 480 in a minute.
    assertLess(late.nodes, early.nodes + 400);
    assertLess(late.listeners, early.listeners + 60);
    assertEquals(errors, []);
    await page.close();
  } finally {
    clearInterval(others);
  }
});
