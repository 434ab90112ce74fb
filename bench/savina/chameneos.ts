/** Savina's chameneos: creatures of three colours meet two by two in a mall, and change their colours as they do. */
import { Channel, task } from "@heddle/heddle";

const CREATURES = 100;
const COLOURS = 3;

interface Arrival {
  readonly colour: number;
  /** The other's colour comes by it, or NONE when the mall is closed. */
  readonly partner: Channel<number>;
}

const NONE = -1;

const lives = task(import.meta, "lives", async (ctx, born: number, mall: Channel<Arrival>) => {
  const partner = new Channel<number>(ctx, 1);
  let colour = born;
  for (let meetings = 0;; meetings++) {
    await mall.send({ colour, partner });
    const other = await partner.recv();
    if (other === NONE) return meetings;
    // Two that differ become the third colour.
    if (other !== colour) colour = COLOURS - colour - other;
  }
});

/** Returns the meetings that the creatures counted: two for each. */
export const run = task(import.meta, "run", async (ctx, meetings: number): Promise<number> => {
  const mall = new Channel<Arrival>(ctx);
  const creatures = Array.from({ length: CREATURES }, (_, i) => ctx.go(lives(i % COLOURS, mall)));
  for (let i = 0; i < meetings; i++) {
    const [a, b] = [await mall.recv(), await mall.recv()];
    await a.partner.send(b.colour);
    await b.partner.send(a.colour);
  }
  for (let i = 0; i < CREATURES; i++) await (await mall.recv()).partner.send(NONE);
  return (await Promise.all(creatures)).reduce((sum, met) => sum + met, 0);
});
