/** Tasks that yield many results, and those that read them. */
import { task } from "@heddle/heddle";
import { Random } from "../random.ts";
import { PLANNED } from "./families.ts";
import { linger } from "./lingering.ts";

/** So many numbers, one of which is an error. */
export const yields = task(
  import.meta,
  "yields",
  async function* (ctx, length: number, seed: number, fails: number) {
    const random = new Random(seed);
    for (let n = 0; n < length; n++) {
      if (random.chance(20)) await linger(ctx, random);
      if (n === fails) throw new RangeError(PLANNED);
      yield n;
    }
  },
);

/** The same for one that never lets go by itself. */
export const yieldsAtOnce = task(
  import.meta,
  "yieldsAtOnce",
  function* (_ctx, length: number, _seed: number, fails: number) {
    for (let n = 0; n < length; n++) {
      if (n === fails) throw new RangeError(PLANNED);
      yield n;
    }
  },
);

/** What a task has read of a child, until it has `most`. */
export const readsFrom = task(
  import.meta,
  "readsFrom",
  async (
    ctx,
    length: number,
    seed: number,
    fails: number,
    window: number,
    most: number,
  ): Promise<number[]> => {
    const random = new Random(seed + 1);
    const seen: number[] = [];
    for await (const n of ctx.go(yields(length, seed, fails), { window, signal: ctx.signal })) {
      if (seen.push(n) === most) break;
      if (random.chance(20)) await linger(ctx, random);
    }
    return seen;
  },
);
