/**
 * A service with slow requests beside fast ones: with everything on its event loop, and with the slow work on the
 * scheduler. At last every request is a task there, beside two tasks that never end (with preemption). How long the
 * answers take is printed by `deno task starvation [--seconds=10] [--every=40]`.
 *
 * A fast request is answered from memory. A slow one computes, or blocks in the kernel, for some 30 ms; on an event loop
 * everything that arrives meanwhile waits for it. One comes every 40 ms; every 25 are more than one queue can serve.
 */
import { Scheduler } from "@heddle/heddle";
import { parseArgs } from "@std/cli/parse-args";
import Table from "cli-table3";
import { countPrimes, countPrimesTask, endless, fastTask, query, queryTask } from "./starvation/slow.ts";

// `deno task` passes the `--` on that npm's runner takes for itself.
const options = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  string: ["seconds", "every"],
  default: { seconds: "10", every: "40" },
  unknown: usage,
});
if (!(Number(options.seconds) >= 1 && Number(options.every) >= 1)) usage();

function usage(): never {
  console.error(`Usage: starvation [--seconds=N] [--every=MS]

Each of five measurements lasts N seconds, with a slow request every MS milliseconds. Both are at least 1.`);
  Deno.exit(2);
}

type Handler = () => number | Promise<number>;

const slowPaths = { "/report": "computes", "/query": "blocks" };

function serve(handlers: Record<string, Handler>): Deno.HttpServer<Deno.NetAddr> {
  const where = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(where, async (request) => {
    const handler = handlers[new URL(request.url).pathname];
    return handler ? new Response(`${await handler()}\n`) : new Response("no such path\n", { status: 404 });
  });
}

interface Times {
  readonly fast: number[];
  readonly slow: number[];
}

async function load({ addr }: Deno.HttpServer<Deno.NetAddr>, path: string): Promise<Times> {
  const program = new URL("starvation/load.ts", import.meta.url).href;
  const args = [`http://127.0.0.1:${addr.port}`, path, options.every, options.seconds];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", program, ...args],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The clients failed.");
  return JSON.parse(new TextDecoder().decode(stdout));
}

function quantile(times: number[], q: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.ceil(q * sorted.length) - 1].toFixed(1);
}

await using sched = await Scheduler.start({ procs: 2 });
const fast = () => 42;
const services: Record<string, Record<string, Handler>> = {
  "one queue": { "/fast": fast, "/report": countPrimes, "/query": query },
  "scheduler": {
    "/fast": fast,
    "/report": () => sched.go(countPrimesTask()),
    "/query": () => sched.go(queryTask()),
  },
  "scheduler for all": { "/fast": () => sched.go(fastTask()) },
};
const table = new Table({
  head: ["a slow request", "served by", "fast: p50", "p99", "slow: p50", "p99 ms"],
  colAligns: ["left", "left", "right", "right", "right", "right"],
  style: { head: [], border: [] },
});

async function measure(what: string, name: string, path: string): Promise<void> {
  await using server = serve(services[name]);
  const times = await load(server, path);
  const cells = [times.fast, times.slow].flatMap((each) => [0.5, 0.99].map((q) => quantile(each, q)));
  table.push([what, name, ...cells]);
}

for (const [path, what] of Object.entries(slowPaths)) {
  for (const name of ["one queue", "scheduler"]) await measure(what, name, path);
}
// One queue would answer nothing more. The watchdog gives all others their turn, where it can freeze a thread.
if (sched.capabilities.preemption) {
  const endlessTasks = [sched.go(endless()), sched.go(endless())];
  for (const task of endlessTasks) task.catch(() => {});
  await measure("two others never end", "scheduler for all", "/fast");
}
console.log(table.toString());
if (!sched.capabilities.preemption) {
  console.log("Not measured: two others that never end, since nothing is preempted here.");
}
