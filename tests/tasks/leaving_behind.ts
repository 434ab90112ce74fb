/** Tasks that end and leave operations behind that nobody awaits. */
import { Channel, recv, select, task } from "@heddle/heddle";

const partner = task(import.meta, "partner", async (_ctx, from: Channel<number>, to: Channel<number>) => {
  for await (const n of from) await to.send(n);
});

export const leavesThree = task(import.meta, "leavesThree", (ctx) => {
  for (let i = 0; i < 3; i++) new Channel(ctx).recv().catch(() => {});
});

export const pingPong = task(import.meta, "pingPong", async (ctx, rounds: number) => {
  const [a, b, never] = [0, 0, 0].map(() => new Channel<number>(ctx));
  const child = ctx.go(partner(a, b));
  for (let i = 0; i < rounds; i++) {
    await a.send(i);
    await select([recv(b), recv(never)]);
  }
  a.close();
  await child;
});
