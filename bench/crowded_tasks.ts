/** A server and who asks it, in a crowd of tasks that compute. */
import { type Channel, readable, task } from "@heddle/heddle";
import { loadShim } from "../ffi/shim.ts";
import { libc } from "./pipe.ts";
import { median } from "./rounds.ts";
import { type Place, serveAt } from "./server_tasks.ts";
import { spin } from "./workload.ts";

const shim = loadShim();

/** Some 20 us of computing, after which the others have their turn. */
const STEPS = 12_000;
/** Milliseconds between two requests: all that the last one has woken sleeps again. */
const PAUSE = 2;
/** A request is the time at which it was sent. Longer than that: V8 keeps arrays of up to 64 bytes where they can move. */
const request = new Float64Array(16);
const REQUEST = 8;

/**
 * One of the crowd, from when the gate is open. Returns how often it had its turn. They come to the gate first, since a task that is
 * to start waits for a turn of all that compute, and a thousand would wait for each other.
 */
export const crowds = task(
  import.meta,
  "crowds",
  async (ctx, arrived: Channel<number>, gate: Channel<number>, stop: SharedArrayBuffer): Promise<number> => {
    const words = new Int32Array(stop);
    await arrived.send(1);
    for await (const _ of gate);
    let turns = 0;
    for (let x = 1; Atomics.load(words, 0) === 0; turns++) {
      x = spin(x, STEPS);
      await ctx.yield();
    }
    return turns;
  },
);

/**
 * A server that gets its requests by a pipe: in a blocking `read`, or by the netpoller in the pool. To each one it replies how many
 * microseconds old it was; an empty one is the last.
 */
export const wakesByPipe = task(
  import.meta,
  "wakesByPipe",
  (ctx, place: Place, ready: Channel<number>, reader: number, replies: Channel<number>) =>
    serveAt(ctx, place, ready, async () => {
      const read = () => libc.read(reader, request, REQUEST);
      for (;;) {
        if (place === "pool") await readable(ctx, reader);
        const length = place === "pool" ? read() : ctx.blocking(read);
        const now = shim.nowNs();
        if (length !== REQUEST) throw new Error(`read() of a request returned ${length}`);
        if (request[0] === 0) return;
        await replies.send((now - request[0]) / 1000);
      }
    }),
);

/** Asks by the pipe; 0 is the last one. */
export function write(writer: number, stamp: number): void {
  request[0] = stamp;
  const length = libc.write(writer, request, REQUEST);
  if (length !== REQUEST) throw new Error(`write() of a request returned ${length}`);
}

/** Once the gate is open, asks so often, by the channel or by the pipe. Returns the median of the replies. */
export const calls = task(
  import.meta,
  "calls",
  async (
    ctx,
    times: number,
    gate: Channel<number>,
    to: Channel<number> | number,
    replies: Channel<number>,
  ): Promise<number> => {
    for await (const _ of gate);
    const samples: number[] = [];
    for (let i = 0; i < times; i++) {
      await ctx.sleep(PAUSE);
      if (typeof to === "number") write(to, shim.nowNs());
      else await to.send(shim.nowNs());
      samples.push(await replies.recv());
    }
    if (typeof to === "number") write(to, 0);
    else to.close();
    return median(samples);
  },
);
