/** Channels through channels. */
import { Channel, task } from "@heddle/heddle";
import { untilClosed } from "./channels.ts";

/** Makes a channel, sends it, and numbers through it. */
export const offers = task(
  import.meta,
  "offers",
  async (ctx, outer: Channel<Channel<number>>, capacity: number, count: number): Promise<void> => {
    const { signal } = ctx;
    const inner = new Channel<number>(ctx, capacity);
    await outer.send(inner, { signal });
    for (let i = 0; i < count; i++) await inner.send(i, { signal });
    inner.close();
  },
);

/** Takes what comes through all channels that come. Returns how much. */
export const takesOffers = task(
  import.meta,
  "takesOffers",
  async ({ signal }, outer: Channel<Channel<number>>): Promise<number> => {
    let count = 0;
    for await (const inner of untilClosed(outer, signal)) {
      let expected = 0;
      for await (const i of untilClosed(inner, signal)) {
        if (i !== expected++) throw new Error(`${i} instead of ${expected - 1}`);
        count++;
      }
    }
    return count;
  },
);
