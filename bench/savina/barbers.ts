/** Savina's sleeping barber, with several: customers who find no free chair come again later. */
import { Channel, task } from "@heddle/heddle";
import { spin } from "../workload.ts";

const CHAIRS = 100;
const BARBERS = 4;

/** A customer is the channel by which he hears that his hair is cut. */
type Customer = Channel<number>;

const barber = task(import.meta, "barber", async (_ctx, chairs: Channel<Customer>) => {
  let cuts = 0;
  for await (const customer of chairs) {
    await customer.send(spin(cuts++, 300));
  }
  return cuts;
});

const customer = task(import.meta, "customer", async (ctx, chairs: Channel<Customer>) => {
  const done = new Channel<number>(ctx, 1);
  while (!chairs.trySend(done)) await ctx.yield();
  await done.recv();
});

/** Returns the cuts that the barbers counted. */
export const run = task(import.meta, "run", async (ctx, customers: number): Promise<number> => {
  const chairs = new Channel<Customer>(ctx, CHAIRS);
  const barbers = Array.from({ length: BARBERS }, () => ctx.go(barber(chairs)));
  await Promise.all(Array.from({ length: customers }, () => ctx.go(customer(chairs))));
  chairs.close();
  return (await Promise.all(barbers)).reduce((sum, cuts) => sum + cuts, 0);
});
