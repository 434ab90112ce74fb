/** examples/echo.ts: an echo server on raw sockets. */
import { assert, assertEquals } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { accepts, listenOn } from "../../examples/echo.ts";
import { poller } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { tids } from "../support/os_threads.ts";

const COUNT = 300;

/** More than the kernel has room for, so that both sides have to wait. */
const LONG = new Uint8Array(8 << 20).map((_, i) => i * 31);

async function read(connection: Deno.Conn, length: number): Promise<Uint8Array> {
  const all = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(all.subarray(at));
    if (count === null) throw new Error(`the server has closed after ${at} of ${length} bytes`);
    at += count;
  }
  return all;
}

async function write(connection: Deno.Conn, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

poller.test("echo: hundreds of connections are served beside one that is slow, and none takes a thread", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  const { fd, port } = listenOn(0);
  const open = new Int32Array(new SharedArrayBuffer(4));
  const server = sched.go(accepts(fd, open));
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  const slow = await connect();
  const writing = write(slow, LONG);
  const threads = tids().length;
  const connections = await Promise.all(Array.from({ length: COUNT }, connect));
  for (const round of [1, 2]) {
    const echoes = connections.map(async (connection, i) => {
      await write(connection, new Uint8Array([i, round]));
      return [...await read(connection, 2)];
    });
    assertEquals(await soon(Promise.all(echoes), "all echoes"), connections.map((_, i) => [i & 255, round]));
  }
  assertEquals(open[0], COUNT + 1);
  assert(tids().length <= threads + 4, `${tids().length - threads} threads more`);
  const [echo] = await soon(Promise.all([read(slow, LONG.length), writing]), "what is long");
  assertEquals(echo.findIndex((byte, i) => byte !== LONG[i]), -1);
  for (const connection of [slow, ...connections]) connection.close();
  await until(() => Atomics.load(open, 0) === 0, "all connections are closed");
  server.cancel("enough");
  assertEquals(await server.catch((reason) => reason), "enough");
});
