/**
 * Echo servers that are asked by echo_clients.c: examples/echo.ts in the pool, and what one writes with the runtime's own sockets, on
 * the main thread.
 */
import process from "node:process";
import { Channel, Scheduler } from "@heddle/heddle";
import { listenOn } from "../../examples/echo.ts";
import type { Contender, Pool } from "../contender.ts";
import { serves } from "../net_tasks.ts";
import { collectAll, residentBytes } from "../resident.ts";
import { compiled } from "./compiled.ts";

/** Connections, and how many of them wait for an answer at a time. */
const CONNECTIONS = 10_000;
const IN_FLIGHT = 256;
const SECONDS = 2;
/** Seconds without a request. */
const IDLE = 2;
/** Milliseconds until what has just been done is over. */
const CALM = 1500;

let program: Promise<string> | undefined;

/** Clients with so many connections open, and what they say when they are told to go on. */
async function withClients<T>(
  port: number,
  connections: number,
  run: (ask: () => Promise<number>) => Promise<T>,
): Promise<T> {
  const clients = new Deno.Command(await (program ??= compiled("echo_clients")), {
    args: [String(port), String(connections), String(IN_FLIGHT), String(SECONDS)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = clients.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const go = clients.stdin.getWriter();
  const line = async () => {
    const { value } = await lines.read();
    if (value === undefined) throw new Error("The clients have ended.");
    return value;
  };
  try {
    if (await line() !== "open\n") throw new Error("The clients say something else.");
    return await run(async () => {
      await go.write(new TextEncoder().encode("\n"));
      return Number(await line());
    });
  } finally {
    await go.close().catch(() => {});
    await clients.status;
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Server {
  readonly threads: number;
  readonly port: number;
  /** How many connections it has. */
  open(): number;
  /** On the thread that has them. */
  collect(): Promise<void> | void;
}

function poolOf({ threads, port, open, collect }: Server): Pool {
  const kept = async () => {
    await sleep(CALM);
    await collect();
    return residentBytes();
  };
  return {
    threads,
    async run(work) {
      // What takes memory is the connections, and not that these are the first ones: code, threads.
      if (work === "memory") await withClients(port, IN_FLIGHT, (ask) => ask());
      const before = work === "memory" ? await kept() : 0;
      return await withClients(port, CONNECTIONS, async (ask) => {
        while (open() < CONNECTIONS) await sleep(10);
        if (work === "rate") return await ask();
        if (work === "memory") return (await kept() - before) / 1e6;
        await sleep(CALM);
        const { user, system } = process.cpuUsage();
        await sleep(IDLE * 1000);
        const used = process.cpuUsage({ user, system });
        return (used.user + used.system) / (IDLE * 1e4);
      });
    },
  };
}

async function heddle(procs: number): Promise<Pool> {
  const sched = await Scheduler.start({ procs });
  const { fd, port } = listenOn(0);
  const open = new Int32Array(new SharedArrayBuffer(4));
  const [collect, collected] = [new Channel<void>(sched), new Channel<void>(sched)];
  sched.go(serves(fd, open, collect, collected));
  return poolOf({
    threads: procs,
    port,
    open: () => Atomics.load(open, 0),
    async collect() {
      // One that is not needed any more takes 15 MB, and ends after some seconds.
      while (sched.stats().threads > procs + 1) await sleep(CALM);
      await collect.send();
      await collected.recv();
    },
  });
}

function runtime(): Pool {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let open = 0;
  const serve = async (connection: Deno.TcpConn) => {
    const bytes = new Uint8Array(4096);
    connection.setNoDelay(true);
    open++;
    try {
      for (let count; (count = await connection.read(bytes)) !== null;) {
        for (let at = 0; at < count;) at += await connection.write(bytes.subarray(at, count));
      }
    } finally {
      open--;
      connection.close();
    }
  };
  (async () => {
    // Clients that are done have answers under way.
    for await (const connection of listener) serve(connection).catch(() => {});
  })();
  return poolOf({
    threads: 1,
    port: (listener.addr as Deno.NetAddr).port,
    open: () => open,
    collect: collectAll,
  });
}

export const contender: Contender = {
  version: "this checkout",
  modes: {
    "procs 1": () => heddle(1),
    "procs 2": () => heddle(2),
    "Deno.listen": runtime,
  },
};
