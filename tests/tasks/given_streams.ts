/** Tasks that have streams among their arguments. */
import process from "node:process";
import { task } from "@heddle/heddle";
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

export const returnsStream = task(import.meta, "returns a stream", (): unknown => counting(1));
