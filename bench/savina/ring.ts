/** Savina's thread ring: a number goes round a ring of tasks and is one less after each hop. Who holds it at 0 ends it. */
import { Channel, task } from "@heddle/heddle";

const MEMBERS = 100;

const member = task(
  import.meta,
  "member",
  async (_ctx, i: number, from: Channel<number>, to: Channel<number>, ended: Channel<number>) => {
    for await (const hops of from) await (hops === 0 ? ended.send(i) : to.send(hops - 1));
  },
);

/** Returns which member held it last: `hops % 100`. */
export const run = task(import.meta, "run", async (ctx, hops: number): Promise<number> => {
  const ring = Array.from({ length: MEMBERS }, () => new Channel<number>(ctx));
  const ended = new Channel<number>(ctx);
  const members = ring.map((from, i) => ctx.go(member(i, from, ring[(i + 1) % MEMBERS], ended)));
  await ring[0].send(hops);
  const last = await ended.recv();
  for (const channel of ring) channel.close();
  await Promise.all(members);
  return last;
});
