/**
 * What test/chan/doubleselect.go of Go's own tests does: a task offers each number to four channels in one select, four
 * others carry what they got on to one channel, and nothing may arrive twice.
 */
import { Channel, select, send, task, type TaskContext } from "@heddle/heddle";

const LANES = 4;

const offers = task(import.meta, "offers", async (_ctx, count: number, lanes: Channel<number>[]) => {
  for (let i = 0; i < count; i++) await select(lanes.map((lane) => send(lane, i)));
  for (const lane of lanes) lane.close();
});

const carries = task(import.meta, "carries", async (_ctx, from: Channel<number>, to: Channel<number>) => {
  for await (const n of from) await to.send(n);
});

/** Returns how many different numbers arrived. */
export async function receiveOnce(ctx: TaskContext, count: number): Promise<number> {
  const lanes = Array.from({ length: LANES }, () => new Channel<number>(ctx));
  const all = new Channel<number>(ctx);
  const offering = ctx.go(offers(count, lanes));
  const carrying = lanes.map((lane) => ctx.go(carries(lane, all)));
  const seen = new Uint8Array(count);
  for (let i = 0; i < count; i++) seen[await all.recv()]++;
  await Promise.all([offering, ...carrying]);
  return seen.reduce((once, times) => once + (times === 1 ? 1 : 0), 0);
}

export const run = task(import.meta, "run", (ctx, count: number) => receiveOnce(ctx, count));
