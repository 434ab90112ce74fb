/** Tasks whose code does the worst where the scheduler calls it. */
import { Channel, type Task, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

const one = task(import.meta, "one", () => 1);
const identity = task(import.meta, "identity", (_ctx, value: unknown): unknown => value);

function told(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Shares the thread with the others here, and would die with it. */
export const neighbour = task(
  import.meta,
  "neighbour",
  async (ctx, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<number> => {
    new Flag(arrived).increment();
    while (new Flag(leave).value === 0) await ctx.sleep(1);
    return ctx.tid;
  },
);

// What a task returns -------------------------------------------------------------------------------------------------

function promiseWith(members: PropertyDescriptorMap): unknown {
  return Object.defineProperties(new Promise((resolve) => setTimeout(() => resolve("awaited"), 1)), members);
}

const odd: Record<string, () => unknown> = {
  "a promise whose then throws": () =>
    promiseWith({
      then: {
        value: () => {
          throw new RangeError("then");
        },
      },
    }),
  "a promise whose constructor throws": () =>
    promiseWith({
      constructor: {
        get() {
          throw new RangeError("constructor");
        },
      },
    }),
  "a promise whose species throws": () => {
    let looks = 0;
    return promiseWith({
      constructor: {
        get: () => {
          if (++looks === 1) return Promise;
          throw new RangeError("species");
        },
      },
    });
  },
  "what only inherits from Promise": () => Object.create(Promise.prototype),
  "what calls back twice": () => ({
    then(resolve: (value: string) => void, reject: (error: unknown) => void) {
      resolve("first");
      resolve("second");
      reject(new RangeError("third"));
      throw new RangeError("fourth");
    },
  }),
  "a then that throws": () => ({
    then() {
      throw new RangeError("thrown");
    },
  }),
  "a then that throws when it is looked up": () => ({
    get then() {
      throw new RangeError("looked up");
    },
  }),
  "a then that throws at the second look": () => {
    let looks = 0;
    return {
      get then() {
        if (++looks === 1) return (resolve: (value: string) => void) => resolve("first look");
        throw new RangeError("second look");
      },
    };
  },
  "a function with a then": () =>
    Object.assign(() => {}, {
      then(resolve: (value: string) => void) {
        resolve("called");
      },
    }),
  "a proxy": () =>
    new Proxy({}, {
      get() {
        throw new RangeError("trap");
      },
    }),
};

export const returnsOdd = task(import.meta, "returnsOdd", (_ctx, kind: string): unknown => odd[kind]());

/** The same as a private child, and what its parent hears. */
export const childReturnsOdd = task(
  import.meta,
  "childReturnsOdd",
  async (ctx, kind: string): Promise<unknown> => await ctx.go(returnsOdd(kind)),
);

/** And what `ctx.wait` makes of it. */
export const waitsForOdd = task(
  import.meta,
  "waitsForOdd",
  async (ctx, kind: string): Promise<unknown> => await ctx.wait(odd[kind]() as PromiseLike<unknown>),
);

// Getters of values ---------------------------------------------------------------------------------------------------

/** Getters that throw, start tasks and use channels while what they belong to is copied: as an argument, result and value. */
export const copiesOdd = task(import.meta, "copiesOdd", async (ctx): Promise<unknown[]> => {
  const channel = new Channel<unknown>(ctx, 4);
  const throwing = () => ({
    get it() {
      throw new RangeError("getter");
    },
  });
  const started: Task<unknown>[] = [];
  const starting = () => ({
    get it() {
      started.push(ctx.go(identity({ inner: [1, { deep: true }] })));
      channel.trySend({ from: "the getter" });
      return "got";
    },
  });
  const outcomes = [
    attempt(() => ctx.go(identity(throwing()))),
    attempt(() => channel.trySend(throwing())),
    await ctx.go(identity(starting())),
  ];
  await channel.send(starting());
  const received: unknown[] = [];
  while (channel.length > 0) received.push(await channel.recv());
  return [outcomes, received, await Promise.all(started)];
});

function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return told(error);
  }
}

/** As they are copied, getters of its result start a task and send. */
export const resultStarts = task(import.meta, "resultStarts", (ctx, counter: SharedArrayBuffer): unknown => ({
  get it() {
    ctx.go(counts(counter));
    return "got";
  },
}));

const counts = task(import.meta, "counts", (_ctx, counter: SharedArrayBuffer) => {
  new Flag(counter).increment();
});

// Listeners of signals ------------------------------------------------------------------------------------------------

/** Its signal's listeners throw, start tasks, cancel and close. It ends when it has been cancelled. */
export const listens = task(
  import.meta,
  "listens",
  async (ctx, arrived: SharedArrayBuffer, ended: SharedArrayBuffer) => {
    const channel = new Channel<number>(ctx);
    const receiving = channel.recv().catch(told);
    const child = ctx.go(identity(1));
    const within: Task<number>[] = [];
    ctx.signal.addEventListener("abort", () => {
      throw new RangeError("a listener throws: the tests expect it here");
    });
    ctx.signal.addEventListener("abort", () => {
      child.cancel();
      channel.close();
      within.push(ctx.go(one()));
      if (!ctx.signal.aborted || !ctx.shouldYield) within.length = 0;
    });
    new Flag(arrived).increment();
    await ctx.sleep(600_000).catch(told);
    if (!(await receiving as string).startsWith("ChannelClosedError")) return;
    if (await within[0] === 1) new Flag(ended).increment();
  },
);

/** The same for the signal of a scope that fails. */
export const scopeListens = task(import.meta, "scopeListens", async (ctx): Promise<string> => {
  let heard = 0;
  const outcome = await ctx.scope((scope) => {
    scope.signal.addEventListener("abort", () => {
      heard++;
      throw new RangeError("a listener throws: the tests expect it here");
    });
    scope.signal.addEventListener("abort", () => {
      scope.cancel(new Error("once more"));
      scope.go(one());
    });
    scope.go(fails("the child"));
  }).catch(told);
  return `${heard} ${outcome}`;
});

const fails = task(import.meta, "fails", (_ctx, what: string) => {
  throw new RangeError(what);
});

// What nobody handles -------------------------------------------------------------------------------------------------

/** Leaves a rejection behind whose reason throws when it is shown. */
export const leavesUnshowable = task(import.meta, "leavesUnshowable", async (ctx): Promise<number> => {
  Promise.reject({
    [Symbol.for("Deno.customInspect")]() {
      throw new Error("not to be seen");
    },
  });
  await new Promise((resolve) => setTimeout(resolve, 1));
  return ctx.tid;
});

// Errors --------------------------------------------------------------------------------------------------------------

/** A class whose parts throw for who looks for the class of an error here. */
export const Trap: unknown = new Proxy(class Trap extends Error {}, {
  get(target, key, receiver) {
    if (key === "prototype" && new Error().stack!.includes("exportedClasses")) throw new TypeError("trap");
    return Reflect.get(target, key, receiver);
  },
});

class Trapped extends Error {
  override readonly name = "Trap";
}
Object.defineProperty(Trapped, "name", { value: "Trap" });

export const throwsTrapped = task(import.meta, "throwsTrapped", () => {
  throw new Trapped("nobody finds my class");
});

export const childThrowsTrapped = task(import.meta, "childThrowsTrapped", async (ctx): Promise<unknown> => {
  const children = Array.from({ length: 4 }, () => ctx.go(throwsTrapped()));
  return await Promise.all(children.map((child) => child.then(told, told)));
});

/** Names of arguments as they are shown in a report of a stall, if there is to be one. */
export const takesOdd = task(import.meta, "takesOdd", (_ctx, value: unknown): string => typeof value);

/** What makes a stack in this thread throws. */
export const hidesStack = task(import.meta, "hidesStack", (ctx, ms: number): boolean => {
  const { prepareStackTrace } = Error as { prepareStackTrace?: unknown };
  (Error as { prepareStackTrace?: unknown }).prepareStackTrace = () => {
    throw new RangeError("prepareStackTrace");
  };
  try {
    const until = performance.now() + ms;
    let due = false;
    while (performance.now() < until) due = ctx.shouldYield;
    return due;
  } finally {
    (Error as { prepareStackTrace?: unknown }).prepareStackTrace = prepareStackTrace;
  }
});

/** A signal that nobody can follow: nothing is started, and the task goes on. */
export const followsDeaf = task(import.meta, "followsDeaf", async (ctx, counter: SharedArrayBuffer) => {
  const signal = deaf();
  const outcomes = [
    attempt(() => ctx.go(counts(counter), { signal })),
    await ctx.scope(() => {}, { signal }).catch(told),
  ];
  await ctx.sleep(1);
  return [...outcomes, new Flag(counter).value];
});

export function deaf(): AbortSignal {
  const { signal } = new AbortController();
  signal.addEventListener = () => {
    throw new RangeError("deaf");
  };
  return signal;
}

/** A listener of its signal computes until it is let go. The mail is read by the task, or while it sleeps. */
export const listensForLong = task(
  import.meta,
  "listensForLong",
  async (ctx, how: "looks" | "sleeps", arrived: SharedArrayBuffer, leave: SharedArrayBuffer) => {
    ctx.signal.addEventListener("abort", () => {
      new Flag(arrived).increment();
      const end = performance.now() + 30_000;
      while (new Flag(leave).value === 0 && performance.now() < end);
    });
    new Flag(arrived).increment();
    if (how === "sleeps") await ctx.sleep(600_000).catch(told);
    else while (!ctx.signal.aborted);
    new Flag(arrived).increment();
  },
);
