/** Tasks that wait for the signals among their arguments. */
import { task } from "@heddle/heddle";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

/** What it hears, by one of the ways to hear of it. */
export const hears = task(
  import.meta,
  "hears a signal",
  async (ctx, signal: AbortSignal, seed: number): Promise<string> => {
    const random = new Random(seed);
    await linger(ctx, random);
    if (random.chance(30)) {
      // It never lets go by itself.
      while (!signal.aborted && !ctx.signal.aborted);
    } else if (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => resolve());
      await ctx.wait(promise);
    }
    return String(signal.reason);
  },
);

/** What a child hears, here or elsewhere. */
export const givesOn = task(
  import.meta,
  "gives a signal on",
  async (ctx, { signal }: { signal: AbortSignal }, seed: number) => {
    const random = new Random(seed + 1);
    const children = Array.from({ length: 1 + random.below(3) }, (_, i) => ctx.go(hears(signal, seed + i)));
    await linger(ctx, random);
    const [first, ...others] = await Promise.all(children);
    return others.every((other) => other === first) ? first : `${[first, ...others]}`;
  },
);
