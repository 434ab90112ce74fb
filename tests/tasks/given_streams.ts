/** Tasks that have streams among their arguments. */
import process from "node:process";
import { Channel, move, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** All chunks; what it fails with in the end. */
async function read(stream: ReadableStream, most = Infinity): Promise<unknown[]> {
  const seen: unknown[] = [];
  try {
    for await (const chunk of stream) if (seen.push(chunk) === most) break;
  } catch (error) {
    seen.push(String(error));
  }
  return seen;
}

export const reads = task(
  import.meta,
  "reads a stream",
  (_ctx, stream: ReadableStream, most: number) => read(stream, most),
);

/** A child elsewhere reads what this one makes. */
export const givesOn = task(import.meta, "gives a stream on", async (ctx, count: number) => {
  ctx.dedicate();
  const seen = await ctx.go(reads(counting(count), Infinity));
  ctx.undedicate();
  const here = await ctx.go(reads(counting(count), Infinity));
  return [seen, here];
});

export function counting(count: number, seen = (_n: number) => {}): ReadableStream {
  let n = 0;
  return new ReadableStream({
    async pull(controller) {
      await null;
      if (n === count) return controller.close();
      seen(n);
      controller.enqueue(n++);
    },
  }, { highWaterMark: 0 });
}

/** Writes the list and ends it as is said. What closing or writing has failed with. */
export const writes = task(
  import.meta,
  "writes a stream",
  async (_ctx, { to }: { to: WritableStream }, list: unknown[], end: "closes" | "aborts" | "leaves") => {
    const writer = to.getWriter();
    writer.closed.catch(() => {});
    try {
      for (const chunk of list) await writer.write(chunk);
      if (end === "closes") await writer.close();
      if (end === "aborts") await writer.abort(new RangeError("no more"));
      return "well";
    } catch (error) {
      return String(error);
    }
  },
);

export const doubles = task(
  import.meta,
  "doubles",
  async (_ctx, { readable, writable }: ReadableWritablePair<number, number>) => {
    const twice = new TransformStream<number, number>({ transform: (n, to) => to.enqueue(2 * n) });
    await readable.pipeThrough(twice).pipeTo(writable);
  },
);

/** It reads one chunk, and then its thread dies, or it waits for its cancellation. */
export const leaves = task(
  import.meta,
  "leaves a stream",
  async (ctx, stream: ReadableStream, how: "dies" | "waits", arrived: SharedArrayBuffer) => {
    await stream.getReader().read();
    new Flag(arrived).increment();
    if (how === "dies") process.exit(3);
    await ctx.sleep(600_000);
  },
);

export const writesAndDies = task(import.meta, "writes, and dies", async (_ctx, to: WritableStream) => {
  await to.getWriter().write(1);
  process.exit(3);
});

/** A stream from 0 on without end, whose source says so when it is cancelled. */
function endless(how: How, heard: Channel<string>): ReadableStream<number> {
  let n = 0;
  return new ReadableStream({
    async pull(controller) {
      // What it waits for is in its thread's event loop.
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (n === 3 && how === "dies") process.exit(3);
      if (n === 3 && how === "fails") return controller.error(new RangeError("no more"));
      if (n === 3 && how === "stalls") return new Promise(() => {});
      if (n === 3 && how === "ends") controller.close();
      else controller.enqueue(n++);
    },
    cancel: (why) => void heard.trySend(String(why)),
  }, { highWaterMark: 0 });
}

type How = "ends" | "fails" | "dies" | "stalls";

export const givesStream = task(
  import.meta,
  "gives a stream",
  (_ctx, how: How, heard: Channel<string>): ReadableStream<number> => endless(how, heard),
);

export const sendsStream = task(
  import.meta,
  "sends a stream",
  async (_ctx, to: Channel<{ stream: ReadableStream<number> }>, how: How, heard: Channel<string>) => {
    await to.send(move({ stream: endless(how, heard) }));
  },
);

/** A sink of its thread: what is written there is told. */
export const givesSink = task(
  import.meta,
  "gives a sink",
  (_ctx, told: Channel<unknown>): WritableStream =>
    new WritableStream({
      write: (chunk) => chunk === "die" ? process.exit(3) : told.send(chunk),
      close: () => told.send("closed"),
      abort: (why) => told.send(String(why)),
    }),
);

export const yieldsStreams = task(import.meta, "yields streams", function* (_ctx, count: number) {
  for (let i = 0; i < count; i++) yield counting(i);
});

/** What comes through the channel, read here; it dies with one in the hand, or unread. */
export const takesStream = task(
  import.meta,
  "takes a stream",
  async (_ctx, from: Channel<ReadableStream>, how: "reads" | "dies" | "drops") => {
    const stream = await from.recv();
    if (how === "drops") return [];
    if (how === "reads") return await read(stream);
    await stream.getReader().read();
    process.exit(3);
  },
);

/** A child of this thread: the very stream. */
export const asksChild = task(import.meta, "asks a child for a stream", async (ctx) => {
  const heard = new Channel<string>(ctx, 1);
  return await read(await ctx.go(givesStream("ends", heard)));
});

export const givesBack = task(import.meta, "gives back", (_ctx, value: { port: MessagePort }) => move(value));
