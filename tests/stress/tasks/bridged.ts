/** Tasks that read and write the streams among their arguments, and give some of their own. */
import { type Channel, task } from "@heddle/heddle";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

export const readsStream = task(
  import.meta,
  "reads a stream",
  async (ctx, stream: ReadableStream<number>, most: number, seed: number): Promise<number[]> => {
    const random = new Random(seed);
    const seen: number[] = [];
    if (most === 0) return seen;
    for await (const n of stream) {
      if (seen.push(n) === most) break;
      if (random.chance(20)) await linger(ctx, random);
    }
    return seen;
  },
);

/** It leaves it open after `most`. */
export const writesStream = task(
  import.meta,
  "writes a stream",
  async (
    ctx,
    stream: WritableStream<number>,
    count: number,
    most: number,
    seed: number,
  ): Promise<boolean> => {
    const random = new Random(seed);
    const writer = stream.getWriter();
    for (let n = 0; n < Math.min(count, most); n++) {
      if (random.chance(20)) await linger(ctx, random);
      await writer.write(n);
    }
    if (most >= count) await writer.close();
    return true;
  },
);

function counting(count: number, seed: number): ReadableStream<number> {
  const random = new Random(seed);
  let n = 0;
  return new ReadableStream({
    async pull(controller) {
      if (random.chance(20)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
      if (n < count) controller.enqueue(n++);
      else controller.close();
    },
  });
}

export const givesStream = task(
  import.meta,
  "gives a stream",
  (_ctx, count: number, seed: number): ReadableStream<number> => counting(count, seed),
);

export const sendsStream = task(
  import.meta,
  "sends a stream",
  (ctx, to: Channel<ReadableStream<number>>, count: number, seed: number) =>
    to.send(counting(count, seed), { signal: ctx.signal }),
);

/** Nothing, if nothing was sent. */
export const readsFrom = task(
  import.meta,
  "reads a stream from a channel",
  async (ctx, from: Channel<ReadableStream<number>>, most: number): Promise<number[] | undefined> => {
    const received = await from.recvOrDone({ signal: ctx.signal });
    if (received.done) return undefined;
    const seen: number[] = [];
    for await (const n of received.value) if (seen.push(n) === most) break;
    return seen;
  },
);
