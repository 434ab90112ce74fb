/** Savina's dining philosophers: an arbiter gives both forks or none. */
import { Channel, task } from "@heddle/heddle";

const SEATS = 20;

interface Wish {
  readonly seat: number;
  /** When both forks are his; a wish without it puts them back. */
  readonly granted?: Channel<number>;
}

const philosopher = task(
  import.meta,
  "philosopher",
  async (ctx, seat: number, meals: number, arbiter: Channel<Wish>) => {
    const granted = new Channel<number>(ctx, 1);
    for (let i = 0; i < meals; i++) {
      await arbiter.send({ seat, granted });
      await granted.recv();
      await arbiter.send({ seat });
    }
  },
);

const arbitrates = task(import.meta, "arbitrates", async (_ctx, wishes: Channel<Wish>) => {
  const taken = new Uint8Array(SEATS);
  const hungry = new Map<number, Channel<number>>();
  let meals = 0;
  const serve = async (seat: number) => {
    const left = seat, right = (seat + 1) % SEATS, granted = hungry.get(seat);
    if (granted === undefined || taken[left] === 1 || taken[right] === 1) return;
    hungry.delete(seat);
    taken[left] = taken[right] = 1;
    meals++;
    await granted.send(seat);
  };
  for await (const { seat, granted } of wishes) {
    if (granted !== undefined) {
      hungry.set(seat, granted);
      await serve(seat);
    } else {
      taken[seat] = taken[(seat + 1) % SEATS] = 0;
      await serve((seat + SEATS - 1) % SEATS);
      await serve((seat + 1) % SEATS);
    }
  }
  return meals;
});

/** Returns the meals of all. */
export const run = task(import.meta, "run", async (ctx, meals: number): Promise<number> => {
  const wishes = new Channel<Wish>(ctx);
  const arbiter = ctx.go(arbitrates(wishes));
  await Promise.all(
    Array.from({ length: SEATS }, (_, seat) => ctx.go(philosopher(seat, meals / SEATS, wishes))),
  );
  wishes.close();
  return await arbiter;
});
