/** Children, and tasks that end at their own time. */
import { type Scope, task } from "@heddle/heddle";
import { Random } from "../random.ts";
import { libc, linger } from "./lingering.ts";

/** The message of errors that are part of the plan. */
export const PLANNED = "on purpose";

/** A tree of tasks that adds up its leaves. */
export const adds = task(import.meta, "adds", async (ctx, depth: number, seed: number): Promise<number> => {
  const random = new Random(seed);
  if (depth === 0) {
    if (random.chance(30)) await linger(ctx, random);
    return 1;
  }
  const children = Array.from({ length: 3 }, (_, i) => ctx.go(adds(depth - 1, seed * 3 + i)));
  if (random.chance(30)) ctx.blocking(() => libc.usleep(random.below(200)));
  return (await Promise.all(children)).reduce((sum, n) => sum + n, 0);
});

const runsInScope = task(
  import.meta,
  "runsInScope",
  async (ctx, buffer: SharedArrayBuffer, seed: number, failing: number): Promise<number> => {
    const random = new Random(seed);
    const words = new Int32Array(buffer);
    Atomics.add(words, 0, 1);
    try {
      for (let i = random.below(4); i > 0; i--) await linger(ctx, random);
      if (random.chance(failing)) throw new RangeError(PLANNED);
      return 1;
    } finally {
      Atomics.sub(words, 0, 1);
    }
  },
);

/** For a moment at the most. */
async function abortOf(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve());
    setTimeout(resolve, 2);
  });
}

/** In each of the ways that end with a scope. */
async function waitIn(scope: Scope, random: Random): Promise<void> {
  const dice = random.below(3);
  if (dice === 0) await scope.sleep(random.below(40) / 10);
  else if (dice === 1) await scope.wait(new Promise((resolve) => setTimeout(resolve, random.below(4))));
  else for (let i = random.below(5); i >= 0; i--) await scope.yield();
}

/** Returns how many children were still running when the scope was over, and how it ended. */
export const scopes = task(
  import.meta,
  "scopes",
  async (ctx, buffer: SharedArrayBuffer, children: number, failing: number, seed: number) => {
    const random = new Random(seed);
    const timeout = random.chance(20) ? random.below(8) : undefined;
    const signal = random.chance(20) ? AbortSignal.timeout(random.below(8)) : undefined;
    let outcome: string;
    try {
      outcome = String(
        await ctx.scope(async (scope) => {
          const tasks = Array.from(
            { length: children },
            (_, i) => scope.go(runsInScope(buffer, seed * 64 + i, failing)),
          );
          if (random.chance(20)) await linger(ctx, random);
          if (random.chance(30)) await waitIn(scope, random);
          if (random.chance(20)) {
            const nested = scope.scope((inner) => {
              if (random.chance(50)) inner.go(runsInScope(buffer, seed * 64 + 63, failing));
              return waitIn(inner, random);
            }, { timeout: random.chance(50) ? random.below(4) : undefined });
            // It may be left to the scope to wait for it.
            const caught = nested.catch(() => {});
            if (random.chance(70)) await caught;
          }
          if (random.chance(20)) scope.sleep(3_600_000).catch(() => {});
          if (random.chance(10)) scope.cancel(new RangeError(PLANNED));
          if (random.chance(10)) await abortOf(scope.signal);
          if (random.chance(30)) return -1;
          return (await Promise.all(tasks)).length;
        }, { timeout, signal }),
      );
    } catch (error) {
      outcome = `${(error as Error).name}: ${(error as Error).message}`;
    }
    return {
      left: Atomics.load(new Int32Array(buffer), 0),
      outcome,
      hadTimeout: (timeout ?? signal) !== undefined,
    };
  },
);

export const waitsForEnd = task(import.meta, "waitsForEnd", async (ctx): Promise<void> => {
  await ctx.sleep(3_600_000);
});

export const idOf = task(import.meta, "idOf", (ctx): number => ctx.id);

export const tidOf = task(import.meta, "tidOf", async (ctx, seed: number): Promise<number> => {
  await linger(ctx, new Random(seed));
  return ctx.tid;
});
