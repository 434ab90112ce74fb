/** Tasks that start children in scopes. */
import { type Scope, type Task, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** Counts itself in, sleeps until it is cancelled, and then stops after `stubborn` ms, counting itself out. Notes the reason. */
const sleeper = task(
  import.meta,
  "sleeper",
  async (ctx, running: SharedArrayBuffer, stubborn: number, reasons: SharedArrayBuffer) => {
    const words = new Int32Array(running);
    Atomics.add(words, 0, 1);
    try {
      await ctx.sleep(600_000);
    } catch (error) {
      if ((error as Error).name === "TaskTimeoutError") new Flag(reasons).increment();
      const until = performance.now() + stubborn;
      while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 1));
      throw error;
    } finally {
      Atomics.sub(words, 0, 1);
    }
  },
);

const fails = task(import.meta, "fails", async (ctx, ms: number, what: string) => {
  await ctx.sleep(ms);
  throw new RangeError(what);
});

const counted = task(
  import.meta,
  "counted",
  (_ctx, counter: SharedArrayBuffer) => new Flag(counter).increment(),
);

const computes = task(import.meta, "computes", (_ctx, ms: number): number => {
  const until = performance.now() + ms;
  while (performance.now() < until);
  return ms;
});

/** How a scope ends in which one child fails, or the body does, and how many of the others run then. */
export const failsInScope = task(
  import.meta,
  "failsInScope",
  async (
    ctx,
    how: "child" | "body" | "cancel" | "timeout",
    running: SharedArrayBuffer,
  ): Promise<[string, number]> => {
    const words = new Int32Array(running);
    const reasons = new SharedArrayBuffer(4);
    const start = async (scope: Scope) => {
      for (let i = 0; i < 6; i++) scope.go(sleeper(running, i, reasons));
      // Some of them elsewhere, if there is another thread.
      for (const deadline = performance.now() + 5000; Atomics.load(words, 0) < 6;) {
        if (performance.now() > deadline) throw new Error("the children did not start");
        await ctx.yield();
      }
      if (how === "child") {
        scope.go(fails(1, "first"));
        scope.go(fails(50, "second"));
      }
      if (how === "body") throw new RangeError("body");
      if (how === "cancel") scope.cancel(new RangeError("cancelled"));
    };
    try {
      await ctx.scope(start, how === "timeout" ? { timeout: 20 } : {});
      return ["resolved", Atomics.load(words, 0)];
    } catch (error) {
      return [`${(error as Error).name}: ${(error as Error).message}`, Atomics.load(words, 0)];
    }
  },
);

export const scopesResult = task(import.meta, "scopesResult", async (ctx, counter: SharedArrayBuffer) => {
  const result = await ctx.scope((scope) => {
    for (let i = 0; i < 50; i++) scope.go(counted(counter));
    return "the body's";
  });
  return [result, new Flag(counter).value];
});

/** A scope in a scope in a scope, with sleepers at the bottom. */
export const nested = task(
  import.meta,
  "nested",
  async (ctx, depth: number, running: SharedArrayBuffer, reasons: SharedArrayBuffer): Promise<void> => {
    await ctx.scope((scope) => {
      if (depth === 0) { for (let i = 0; i < 3; i++) scope.go(sleeper(running, 0, reasons)); }
      else for (let i = 0; i < 2; i++) scope.go(nested(depth - 1, running, reasons));
    });
  },
);

/** A child that was cancelled before it started must never run. */
export const cancelsQueued = task(import.meta, "cancelsQueued", async (ctx, counter: SharedArrayBuffer) => {
  let children: Task<unknown>[] = [];
  const error = await ctx.scope((scope) => {
    children = [scope.go(counted(counter)), scope.go(counted(counter))];
    scope.cancel("never mind");
    children.push(scope.go(counted(counter)));
  }).catch((error) => error);
  const settled = await Promise.allSettled(children);
  return [error, settled.map((each) => each.status === "rejected" && each.reason), new Flag(counter).value];
});

export const startsLate = task(import.meta, "startsLate", async (ctx) => {
  let kept: Scope | undefined;
  await ctx.scope((scope) => void (kept = scope));
  try {
    kept!.go(computes(0));
    return "started";
  } catch (error) {
    return (error as Error).message;
  }
});

/** How many of so many scopes forget what `failing` children threw that nobody awaits, by their outcomes. */
export const forgets = task(
  import.meta,
  "forgets",
  async (ctx, scopes: number, failing: number, elsewhere: boolean): Promise<number> => {
    let forgotten = 0;
    for (let i = 0; i < scopes; i++) {
      await ctx.scope((scope) => {
        for (let n = 0; n < failing; n++) scope.go(failsAtOnce(`${i}`));
        // Long enough for another thread to take some.
        if (elsewhere) { for (const end = performance.now() + 0.2; performance.now() < end;); }
      }).then(() => forgotten++, (error) => {
        if (!(error instanceof RangeError) || error.message !== `${i}`) forgotten++;
      });
    }
    return forgotten;
  },
);

const failsAtOnce = task(import.meta, "failsAtOnce", (_ctx, what: string) => {
  throw new RangeError(what);
});

/** What becomes of a scope one of whose children has a signal that is aborted already. */
export const startsAborted = task(
  import.meta,
  "startsAborted",
  async (ctx, counter: SharedArrayBuffer): Promise<unknown[]> => {
    const signal = AbortSignal.abort("too late");
    let inScope: string | undefined;
    const error = await ctx.scope((scope) => {
      inScope = scope.go(counted(counter), { signal }).state;
      scope.go(counted(counter), { signal });
    }).catch((error) => error);
    const alone = ctx.go(counted(counter), { signal });
    // Nobody awaits it.
    ctx.go(counted(counter), { signal });
    await ctx.sleep(1);
    return [error, inScope, alone.state, new Flag(counter).value];
  },
);

/** A scope whose signal is to be aborted by a child's failure, although nothing of it is left to be cancelled. */
export const abortsItsSignal = task(import.meta, "abortsItsSignal", async (ctx): Promise<unknown> => {
  let signal: AbortSignal | undefined;
  await ctx.scope((scope) => {
    signal = scope.signal;
    scope.go(failsAtOnce("the child"));
  }).catch(() => {});
  return (signal!.reason as Error).message;
});
