/** Savina's dictionary: one task owns a map, and twenty others ask it to write and to read. */
import { Channel, task } from "@heddle/heddle";

const CLIENTS = 20;
const KEYS = 50;

interface Request {
  readonly key: number;
  /** To be written; without it the key is read. */
  readonly value?: number;
  readonly reply: Channel<number>;
}

const owns = task(import.meta, "owns", async (_ctx, requests: Channel<Request>) => {
  const map = new Map<number, number>();
  for await (const { key, value, reply } of requests) {
    if (value !== undefined) map.set(key, value);
    await reply.send(map.get(key) ?? 0);
  }
});

/** Every tenth request writes. Returns how many answers were what this client, the only one with these keys, had written. */
const asks = task(import.meta, "asks", async (ctx, client: number, times: number, to: Channel<Request>) => {
  const reply = new Channel<number>(ctx);
  const written = new Array<number>(KEYS).fill(0);
  let right = 0;
  for (let i = 0; i < times; i++) {
    const k = i % KEYS, key = client * KEYS + k;
    if (i % 10 === 0) written[k] = i;
    await to.send(i % 10 === 0 ? { key, value: i, reply } : { key, reply });
    if (await reply.recv() === written[k]) right++;
  }
  return right;
});

export const run = task(import.meta, "run", async (ctx, requests: number): Promise<number> => {
  const channel = new Channel<Request>(ctx);
  const owner = ctx.go(owns(channel));
  const clients = Array.from({ length: CLIENTS }, (_, i) => ctx.go(asks(i, requests / CLIENTS, channel)));
  const right = await Promise.all(clients);
  channel.close();
  await owner;
  return right.reduce((sum, each) => sum + each, 0);
});
