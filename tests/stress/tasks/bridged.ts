/** Tasks that read and write the streams among their arguments. */
import { task } from "@heddle/heddle";
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
