/**
 * Echo servers that are asked by echo_clients.c: examples/echo.ts in the pool, and what one writes with the runtime's own sockets, on
 * the main thread.
 */
import process from "node:process";
import { Scheduler } from "@heddle/heddle";
import { accepts, listenOn } from "../../examples/echo.ts";
import type { Contender, Pool } from "../contender.ts";
import { residentBytes } from "../resident.ts";
import { compiled } from "./compiled.ts";

/** Connections, and how many of them wait for an answer at a time. */
const CONNECTIONS = 10_000;
const IN_FLIGHT = 256;
const SECONDS = 2;
/** Seconds without a request. */
const IDLE = 2;

let program: Promise<string> | undefined;

/** Clients with all connections open, and what they say when they are told to go on. */
async function withClients<T>(port: number, run: (ask: () => Promise<number>) => Promise<T>): Promise<T> {
  const clients = new Deno.Command(await (program ??= compiled("echo_clients")), {
    args: [String(port), String(CONNECTIONS), String(IN_FLIGHT), String(SECONDS)],
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

/** `open` says how many connections the server has. */
function poolOf(threads: number, port: number, open: () => number): Pool {
  return {
    threads,
    async run(work) {
      const before = residentBytes();
      return await withClients(port, async (ask) => {
        while (open() < CONNECTIONS) await new Promise((resolve) => setTimeout(resolve, 10));
        if (work === "rate") return await ask();
        await new Promise((resolve) => setTimeout(resolve, 1500));
        const { user, system } = process.cpuUsage();
        await new Promise((resolve) => setTimeout(resolve, IDLE * 1000));
        const used = process.cpuUsage({ user, system });
        return work === "cpu" ? (used.user + used.system) / (IDLE * 1e4) : (residentBytes() - before) / 1e6;
      });
    },
  };
}

async function heddle(procs: number): Promise<Pool> {
  const sched = await Scheduler.start({ procs });
  const { fd, port } = listenOn(0);
  const open = new Int32Array(new SharedArrayBuffer(4));
  sched.go(accepts(fd, open));
  return poolOf(procs, port, () => Atomics.load(open, 0));
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
  return poolOf(1, (listener.addr as Deno.NetAddr).port, () => open);
}

export const contender: Contender = {
  version: "this checkout",
  modes: {
    "procs 1": () => heddle(1),
    "procs 2": () => heddle(2),
    "Deno.listen": runtime,
  },
};
