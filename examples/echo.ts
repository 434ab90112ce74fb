/**
 * An echo server on raw sockets, in the pool: `deno run -A examples/echo.ts [--port=7000] [--procs=N]`.
 *
 * Each connection is a task that reads, writes, and waits for its descriptor while there is nothing to read. One that waits is a
 * suspended function and a registration with the kernel: 10,000 idle ones take no CPU, and a few kilobytes each. Tasks start where
 * there is room, so with several Ps the connections spread over their threads. Whatever has a descriptor can be served so, and
 * with any call of C: `accept4`, `recv` and `send` are those of libc.
 *
 * It prints where it listens, and how many connections it has as that changes. Ctrl-C ends it.
 */
import { type Pollable, pollable, Scheduler, task } from "@heddle/heddle";
import { parseArgs } from "@std/cli/parse-args";

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
});

const AF_INET = 2, SOCK_STREAM = 1, SOCK_NONBLOCK = 0o4000, SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1, SO_REUSEADDR = 2, IPPROTO_TCP = 6, TCP_NODELAY = 1, MSG_NOSIGNAL = 0x4000;
const EAGAIN = 11, EMFILE = 24, ECONNABORTED = 103;

/** Of the last call on this thread, which failed. */
function errno(): number {
  return new Deno.UnsafePointerView(libc.__errno_location()!).getInt32();
}

function failed(call: string): Error {
  return new Error(`${call} failed: errno ${errno()}`);
}

/** struct sockaddr_in of 127.0.0.1. */
function loopback(port: number): Uint8Array<ArrayBuffer> {
  const address = new DataView(new ArrayBuffer(16));
  address.setUint16(0, AF_INET, true);
  address.setUint16(2, port);
  address.setUint32(4, 0x7f000001);
  return new Uint8Array(address.buffer);
}

/** A socket that listens, and its port: `port`, or one that is free. */
export function listenOn(port: number): { fd: number; port: number } {
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const address = loopback(port);
  libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]), 4);
  if (libc.bind(fd, address, 16) < 0 || libc.listen(fd, 4096) < 0) throw failed(`listening on port ${port}`);
  libc.getsockname(fd, address, new Uint32Array([16]));
  return { fd, port: address[2] << 8 | address[3] };
}

// A call fills or sends it without an await in between, so all tasks of the thread share one.
const bytes = new Uint8Array(64 << 10);
const room = BigInt(bytes.length);

/** What found no room: it is sent as the other side reads. False if that does not any more. */
async function sendRest(socket: Pollable, rest: Uint8Array<ArrayBuffer>): Promise<boolean> {
  while (rest.length > 0) {
    await socket.writable();
    const sent = Number(libc.send(socket.fd, rest, BigInt(rest.length), MSG_NOSIGNAL));
    if (sent > 0) rest = rest.subarray(sent);
    else if (errno() !== EAGAIN) return false;
  }
  return true;
}

/** Serves a connection until the other side closes it. Others learn from `open` how many there are. */
export const echo = task(import.meta, "echo", async (ctx, fd: number, open: Int32Array): Promise<void> => {
  Atomics.add(open, 0, 1);
  const socket = pollable(ctx, fd);
  try {
    for (;;) {
      const count = Number(libc.recv(fd, bytes, room, 0));
      if (count === 0) return;
      if (count > 0) {
        const sent = Number(libc.send(fd, bytes, BigInt(count), MSG_NOSIGNAL));
        if (sent < count && !await sendRest(socket, bytes.slice(Math.max(0, sent), count))) return;
        // There is more only if that was all that fits: what comes from here on is a new edge.
        if (count === bytes.length) continue;
      } else if (errno() !== EAGAIN) {
        return;
      }
      // Without a signal, of which each task would have one: that is more than all else that it has.
      await socket.readable();
    }
  } finally {
    // With `using` a task that waits would take 250 bytes more.
    socket.close();
    Atomics.sub(open, 0, 1);
  }
});

/** Accepts connections, each of which becomes a task, until it is cancelled. */
export const accepts = task(
  import.meta,
  "accepts",
  async (ctx, fd: number, open: Int32Array): Promise<void> => {
    using listener = pollable(ctx, fd);
    const noDelay = new Int32Array([1]);
    for (;;) {
      const connection = libc.accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (connection >= 0) {
        libc.setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, noDelay, 4);
        // It never fails, and is served after this one was cancelled, too.
        ctx.go(echo(connection, open));
        // Who accepts thousands on end would lose its time slice, and another thread would be started for the rest.
        if (ctx.shouldYield) await ctx.yield();
        continue;
      }
      const error = errno();
      if (error === EAGAIN) await listener.readable({ signal: ctx.signal });
      // All descriptors are in use, until a connection ends.
      else if (error === EMFILE) await ctx.sleep(10);
      else if (error !== ECONNABORTED) throw failed("accept4");
    }
  },
);

if (import.meta.main) {
  const options = parseArgs(Deno.args, { string: ["port", "procs"] });
  const procs = options.procs === undefined ? {} : { procs: Number(options.procs) };
  await using sched = await Scheduler.start(procs);
  const { fd, port } = listenOn(Number(options.port ?? 0));
  console.log(`127.0.0.1:${port}, ${sched.procs} procs`);
  const open = new Int32Array(new SharedArrayBuffer(4));
  let shown = 0;
  setInterval(() => {
    const now = Atomics.load(open, 0);
    if (now !== shown) console.log(`${shown = now} connections`);
  }, 1000);
  await sched.go(accepts(fd, open));
}
