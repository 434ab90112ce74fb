/** Tasks that say more than they do, and one that starts them. */
import { Channel, type ChannelClosedError, task } from "@heddle/heddle";

const MEMBERS = 20;

const passesOn = task(import.meta, "passesOn", async (_ctx, from: Channel<number>, to: Channel<number>) => {
  for await (const n of from) await to.send(n - 1);
});

/** Lets a number go round a ring until it is 0. Returns whether the ring has stayed on this thread: its channels know. */
export const staysTogether = task(
  import.meta,
  "staysTogether",
  async (ctx, hops: number): Promise<boolean> => {
    const ring = Array.from({ length: MEMBERS }, () => new Channel<number>(ctx));
    const last = new Channel<number>(ctx);
    const members = ring.map((from, i) => ctx.go(passesOn(from, i + 1 === MEMBERS ? last : ring[i + 1])));
    for (let n = hops; n > 0; n = await last.recv()) await ring[0].send(n);
    const names: string[] = [];
    for (const channel of ring) {
      channel.close();
      names.push(await channel.send(0).then(String, (error: ChannelClosedError) => error.message));
    }
    await Promise.all(members);
    return names.every((name) => name.includes("of this thread"));
  },
);

const works = task(import.meta, "works", async (ctx, jobs: Channel<number>) => {
  for await (const ms of jobs) for (const end = performance.now() + ms; performance.now() < end;);
  return ctx.tid;
});

/** So many messages, each of them as much work as takes so many ms. Returns on how many threads that was done. */
export const spreads = task(
  import.meta,
  "spreads",
  async (ctx, count: number, ms: number): Promise<number> => {
    // There before the workers are: each has work as soon as it begins, and meanwhile the others can be taken.
    const jobs = new Channel<number>(ctx, count);
    for (let i = 0; i < count; i++) jobs.trySend(ms);
    const workers = Array.from({ length: 8 }, () => ctx.go(works(jobs)));
    jobs.close();
    return new Set(await Promise.all(workers)).size;
  },
);
