/** Tasks on many machines, by way of a queue: `deno task cluster COMMAND`. See README.md. */
import { type NativeLibrary, Scheduler } from "@heddle/heddle";
import { parseArgs } from "@std/cli/parse-args";
import { Client } from "./client.ts";
import { openQueue } from "./engine.ts";
import type { Queue } from "./queue.ts";
import { messageOf } from "./values.ts";
import { Worker } from "./worker.ts";

const usage = `Usage: cluster COMMAND [OPTION]…

  redis                   starts Redis on the loopback interface, until Ctrl-C
  postgres                the same with PostgreSQL
  worker                  runs jobs until SIGTERM
  run MODULE#TASK ARG…    has a task run, and prints its result; ARG is JSON, or else a text
  dead                    prints the jobs in the dead-letter queue

All but the first two:
  --url=URL               the queue's server: redis://… or postgres://… (redis://127.0.0.1:6399)
  --queue=NAME            the queue ("heddle")
redis, postgres:
  --port=N                6399, 6432
worker:
  --tasks=NAME=FILE,…     the modules whose tasks jobs may name, and no others (work=work.ts of the example)
  --native=NAME=FILE,…    modules that export { path, symbols }, for sched.dlopen: jobs call NAME#SYMBOL
  --procs=N               as for Scheduler.start
  --lock-ms=N             so long a job is its worker's without a renewal (30000); the same for all workers
  --max-deaths=N          threads that may die with a job before it is dead (3)
  --grace=SECONDS         from SIGTERM until what runs is given back (25)
run:
  --key=TEXT              idempotency key     --timeout=MS     --traceparent=TEXT
  --dedicated             a thread of its own
  --no-wait               prints the job's id and leaves`;

/** What the user has to be told, and nothing more. */
class Failure extends Error {}

const defaults = {
  url: "redis://127.0.0.1:6399",
  tasks: `work=${new URL("work.ts", import.meta.url).href}`,
};

// `deno task` passes the `--` on that npm's runner takes for itself.
const given = parseArgs(Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args, {
  string: [
    "_",
    "url",
    "queue",
    "port",
    "tasks",
    "native",
    "procs",
    "lock-ms",
    "max-deaths",
    "grace",
    "key",
    "timeout",
    "traceparent",
  ],
  boolean: ["dedicated", "wait", "help"],
  negatable: ["wait"],
  default: { ...defaults, wait: true },
  unknown(argument: string) {
    // A negative number is an argument of the task.
    if (argument.startsWith("-") && Number.isNaN(Number(argument))) fail(`${argument} is no option.`);
  },
});

function fail(message: string): never {
  console.error(`cluster: ${message}\n\n${usage}`);
  Deno.exit(2);
}

function numberOf(name: string): number | undefined {
  const text = (given as Record<string, unknown>)[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text === "" || !(number >= 0)) fail(`--${name}=${text} is not a number.`);
  return number;
}

/** `a=x.ts,b=y.ts` as URLs by names. */
function modulesOf(name: "tasks" | "native"): Record<string, string> {
  const text = given[name];
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(",").map((each: string) => {
      const [, place, file] = each.match(/^([^=#]+)=(.+)$/) ?? fail(`--${name}=${each} is not NAME=FILE.`);
      return [place, URL.parse(file)?.href ?? new URL(file, `file://${Deno.cwd()}/`).href];
    }),
  );
}

// Before anything is started.
const [port, procs, lockMs, maxDeaths, grace, timeout] = [
  "port",
  "procs",
  "lock-ms",
  "max-deaths",
  "grace",
  "timeout",
]
  .map(numberOf);

function open(): Promise<Queue> {
  return openQueue({ url: given.url, name: given.queue, lockMs });
}

async function serve(kind: "redis" | "postgres"): Promise<void> {
  await using server = kind === "redis"
    ? await (await import("./redis.ts")).startRedis(port ?? 6399)
    : await (await import("./postgres.ts")).startPostgres(port ?? 6432);
  console.log(server.url);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stopped.resolve);
  await Promise.race([stopped.promise, server.status]);
}

async function work(): Promise<void> {
  const modules = modulesOf("tasks");
  await using queue = await open();
  await using sched = await Scheduler.start({ procs, warm: Object.values(modules) });
  const libraries: Record<string, NativeLibrary<Deno.ForeignLibraryInterface>> = {};
  for (const [name, module] of Object.entries(modulesOf("native"))) {
    const { path, symbols } = await import(module);
    libraries[name] = sched.dlopen(path, symbols);
  }
  const worker = new Worker(sched, queue, {
    modules,
    libraries,
    maxDeaths,
    onEvent: (message) => console.error(message),
  });
  const graceMs = (grace ?? 25) * 1000;
  let isAsked = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // The second one means at once.
    Deno.addSignalListener(signal, () => {
      worker.drain(isAsked ? 0 : graceMs);
      isAsked = true;
    });
  }
  console.error(
    `worker ${Deno.pid}: ${sched.procs} procs, ${Object.keys({ ...modules, ...libraries }).join(", ")}`,
  );
  await worker.run();
  console.log(JSON.stringify(worker.tally));
}

async function run([task, ...args]: string[]): Promise<void> {
  if (!/^[^#]+#[^#]+$/.test(task ?? "")) fail(`${task} is not MODULE#TASK.`);
  await using queue = await open();
  await using client = new Client(queue);
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort(new Failure("Cancelled.")));
  const job = client.go({ task, args: args.map(valueOf) }, {
    key: given.key,
    timeout,
    traceparent: given.traceparent,
    dedicated: given.dedicated ? {} : undefined,
    signal: stop.signal,
    onProgress: (value) => console.error(`progress: ${Deno.inspect(value)}`),
    onLog: (line) => console.error(line),
  });
  if (given.wait) console.log(await job);
  else console.log(await client.submitted(job));
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function showDead(): Promise<void> {
  await using queue = await open();
  for (const { order, reason } of await queue.dead()) console.log(`${order.id} ${order.task}: ${reason}`);
}

async function main(): Promise<void> {
  const [command, ...rest] = given._.map(String);
  if (given.help) return console.log(usage);
  switch (command) {
    case "redis":
    case "postgres":
      return await serve(command);
    case "worker":
      return await work();
    case "run":
      return await run(rest);
    case "dead":
      return await showDead();
    default:
      fail(command === undefined ? "no command given." : `${command} is no command.`);
  }
}

try {
  await main();
} catch (error) {
  console.error(`cluster: ${messageOf(error)}`);
  Deno.exit(1);
}
Deno.exit(0);
