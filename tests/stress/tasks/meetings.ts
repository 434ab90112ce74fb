/** Who waits for whom. */
import { type Barrier, type Once, task, type WaitGroup } from "@heddle/heddle";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

export const worksInGroup = task(
  import.meta,
  "worksInGroup",
  async (ctx, group: WaitGroup, buffer: SharedArrayBuffer, seed: number) => {
    await linger(ctx, new Random(seed));
    Atomics.add(new Int32Array(buffer), 0, 1);
    group.done();
  },
);

/** Returns how much was done when the wait was over. */
export const waitsForGroup = task(
  import.meta,
  "waitsForGroup",
  async (ctx, group: WaitGroup, buffer: SharedArrayBuffer): Promise<number> => {
    await group.wait({ signal: ctx.signal });
    return Atomics.load(new Int32Array(buffer), 0);
  },
);

/** Returns how often it was the last one, and how often somebody was missing afterwards. */
export const meets = task(
  import.meta,
  "meets",
  async (ctx, barrier: Barrier, buffer: SharedArrayBuffer, rounds: number, seed: number) => {
    const random = new Random(seed);
    const words = new Int32Array(buffer);
    let [last, missing] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      await linger(ctx, random);
      Atomics.add(words, round, 1);
      if (await barrier.wait({ signal: ctx.signal })) last++;
      if (Atomics.load(words, round) !== barrier.parties) missing++;
    }
    return { last, missing };
  },
);

/** Returns whether it was done, and by one, when `do` was over. */
export const doesOnce = task(
  import.meta,
  "doesOnce",
  async (ctx, once: Once, buffer: SharedArrayBuffer, seed: number): Promise<boolean> => {
    const random = new Random(seed);
    const words = new Int32Array(buffer);
    await linger(ctx, random);
    await once.do(async () => {
      Atomics.add(words, 0, 1);
      await linger(ctx, random).catch(() => {});
      Atomics.add(words, 1, 1);
    }, { signal: ctx.signal });
    return Atomics.load(words, 0) === 1 && Atomics.load(words, 1) === 1;
  },
);
