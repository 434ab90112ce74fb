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

/** How a body ends that waits in so many nested scopes, and how soon; the outermost one has a timeout or a child that fails. */
export const interrupts = task(
  import.meta,
  "interrupts",
  async (
    ctx,
    how: "timeout" | "child" | "cancel",
    waitsBy: "sleep" | "wait" | "yield",
    depth: number,
  ): Promise<string[]> => {
    const ends: string[] = [];
    const name = (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`;
    const body = async (scope: Scope): Promise<void> => {
      if (depth-- > 0) return await scope.scope(body);
      if (waitsBy === "sleep") await scope.sleep(600_000);
      else if (waitsBy === "wait") await scope.wait(new Promise(() => {}));
      else for (;;) await scope.yield();
    };
    const outcome = await ctx.scope(async (scope) => {
      if (how === "child") scope.go(fails(1, "the child"));
      if (how === "cancel") ctx.sleep(1).then(() => scope.cancel(new RangeError("cancelled")));
      await body(scope).catch((error) => {
        ends.push(name(error), String(scope.signal.aborted));
        throw error;
      });
    }, how === "timeout" ? { timeout: 5 } : {}).then(() => "resolved", name);
    return [...ends, outcome];
  },
);

const dies = task(import.meta, "dies", () => Deno.exit());

/** What ends the sleep of a scope's body. Its child is on another thread if it is dedicated. */
export const losesChild = task(import.meta, "losesChild", async (ctx): Promise<string[]> => {
  let told = "";
  const outcome = await ctx.scope((scope) => {
    scope.go(dies());
    return scope.scope((inner) => inner.sleep(600_000)).catch(({ name }) => told = name);
  }).catch(({ name }) => name);
  return [told, outcome];
});

/** Sleeps in a scope until it is cancelled. Notes that it was told, and with what. */
export const sleepsInScope = task(
  import.meta,
  "sleepsInScope",
  async (ctx, running: SharedArrayBuffer, reasons: SharedArrayBuffer) => {
    await ctx.scope((scope) =>
      scope.scope(async (inner) => {
        new Flag(running).increment();
        await inner.sleep(600_000).catch((error) => {
          if ((error as Error).name === "TaskTimeoutError") new Flag(reasons).increment();
          throw error;
        });
      })
    );
  },
);

/** What a scope does not end with, and what it waits for: failures of scopes in it that are caught, and what these still do. */
export const contains = task(import.meta, "contains", async (ctx): Promise<unknown[]> => {
  const order: unknown[] = [];
  await ctx.scope(async (scope) => {
    const late = await scope.scope((inner) => inner.sleep(600_000), { timeout: 1 }).catch(({ name }) => name);
    const failed = await scope.scope((inner) => inner.go(fails(1, "caught"))).catch(({ message }) => message);
    order.push(late, failed, scope.signal.aborted);
    // Not awaited by the body.
    void scope.scope(async (inner) => {
      await inner.sleep(5);
      order.push("a nested scope");
    });
    order.push("the body");
  });
  order.push("the scope");
  return order;
});

/** How a scope ends that fails while others are open in it that nobody awaits, and how many rejections nobody handles. */
export const failsAround = task(import.meta, "failsAround", async (ctx): Promise<[string, number]> => {
  let unhandled = 0;
  const count = (event: Event) => {
    event.preventDefault();
    unhandled++;
  };
  addEventListener("unhandledrejection", count);
  const outcome = await ctx.scope((scope) => {
    for (let i = 0; i < 2; i++) scope.scope((inner) => inner.sleep(600_000));
    scope.go(fails(1, "the child"));
  }).catch(({ message }) => message);
  await ctx.sleep(1);
  removeEventListener("unhandledrejection", count);
  return [outcome, unhandled];
});

/** What becomes of waits that a scope leaves behind, and of those that come too late. */
export const leavesWaits = task(import.meta, "leavesWaits", async (ctx): Promise<unknown[]> => {
  const told = (error: Error) => `${error.name}: ${error.message}`;
  const left: Promise<unknown>[] = [];
  let kept: Scope | undefined;
  const first = await ctx.scope((scope) => {
    kept = scope;
    left.push(scope.sleep(600_000).catch(told), scope.wait(new Promise(() => {})).catch(told));
    return Promise.race([left[0], scope.wait(Promise.resolve("the first"))]);
  });
  const late = [
    kept!.sleep(1),
    kept!.wait(Promise.resolve()),
    kept!.yield(),
    kept!.scope(() => {}),
  ];
  return [first, ...await Promise.all(left), ...await Promise.all(late.map((each) => each.catch(told)))];
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
