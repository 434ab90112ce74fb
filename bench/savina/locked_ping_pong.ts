/** Two tasks, each with a locked thread, pass a number to and fro. */
import { Channel, task } from "@heddle/heddle";

const increments = task(
  import.meta,
  "increments",
  async (ctx, rounds: number, from: Channel<number>, to: Channel<number>) => {
    ctx.lockOSThread();
    for (let i = 0; i < rounds; i++) await to.send(await from.recv() + 1);
    ctx.unlockOSThread();
  },
);

export const run = task(import.meta, "run", async (ctx, rounds: number): Promise<number> => {
  ctx.lockOSThread();
  const [there, back] = [new Channel<number>(ctx), new Channel<number>(ctx)];
  const other = ctx.go(increments(rounds, there, back));
  let n = 0;
  for (let i = 0; i < rounds; i++) {
    await there.send(n);
    n = await back.recv();
  }
  await other;
  ctx.unlockOSThread();
  return n;
});
