/**
 * Operations on n at once, each by what it costs: of the host or of a task, so each gets its home. What one leaves behind
 * is gone when the cost is known.
 */
import {
  after,
  Barrier,
  Channel,
  type Home,
  Mutex,
  Once,
  parallelMap,
  perThread,
  pipeline,
  readable,
  recv,
  RWMutex,
  select,
  Semaphore,
  send,
  type Task,
  task,
  type TaskContext,
  WaitGroup,
} from "@heddle/heddle";
import process from "node:process";
import { costOf } from "../support/growth.ts";

const FOR_LONG = 600_000;

export const nothing = task(import.meta, "nothing", () => {});
const echoes = task(import.meta, "echoes", (_ctx, value: unknown) => value);
const fails = task(import.meta, "fails", () => {
  throw new RangeError("as it should");
});
export const sleeps = task(import.meta, "sleeps", (ctx, ms: number) => ctx.sleep(ms));
const countsUp = task(import.meta, "countsUp", function* (_ctx, to: number) {
  for (let n = 1; n <= to; n++) yield n;
});
/** It never is. */
const opened = perThread(import.meta, "opened", () => Promise.reject(new RangeError("as it should")));
const yields = task(import.meta, "yields", (ctx) => ctx.yield());
const receives = task(import.meta, "receives", (_ctx, from: Channel<number>) => from.recv());
const passesOn = task(import.meta, "passesOn", async (_ctx, from: Channel<number>, to: Channel<number>) => {
  for await (const n of from) await to.send(n);
});

/** Keeps what it is given until the channel is closed, so that another isolate knows it. */
export const keeps = task(import.meta, "keeps", (_ctx, _what: unknown, until: Channel<void>) => {
  return until.recv().catch(() => {});
});

/** Begins `n` children, and says so. */
export const sleepsOfChildren = task(
  import.meta,
  "sleepsOfChildren",
  async (ctx, n: number, begun: Channel<void>): Promise<void> => {
    const children = times(n, () => ctx.go(sleeps(FOR_LONG)));
    while (children.some(({ state }) => state === "queued")) await ctx.sleep(1);
    await begun.send();
    await Promise.all(children);
  },
);

/** Its thread ends with it. */
export const exits = task(import.meta, "exits", () => process.exit(0));

type On = (home: Home, n: number) => Promise<number>;

/** A quarter of them, where each takes ten times as long as elsewhere: an error goes from thread to thread, or V8 collects. */
const dear = (operation: On): On => (home, n) => operation(home, n / 4);

export function times<T>(n: number, make: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => make(i));
}

/** With handlers from the begin: a rejection that has none yet takes Deno 27 us. */
async function cancelAll(tasks: Task<unknown>[]): Promise<void> {
  const settled = Promise.allSettled(tasks);
  for (const each of tasks) each.cancel();
  await settled;
}

/** A turn of the event loop, and of the scheduler. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** On tasks, from both sides. */
export const operations: Record<string, On> = {
  "go, await all": (home, n) => costOf(() => Promise.all(times(n, () => home.go(nothing())))),
  "go with a value each way": (home, n) =>
    costOf(() => Promise.all(times(n, (i) => home.go(echoes({ i, text: "a value" }))))),
  "go of what throws": dear((home, n) => costOf(() => Promise.allSettled(times(n, () => home.go(fails()))))),
  "go with one signal, which aborts": (home, n) => {
    const { signal, abort } = controller();
    return costOf(() => {
      const tasks = times(n, () => home.go(sleeps(FOR_LONG), { signal }));
      const settled = Promise.allSettled(tasks);
      abort();
      return settled;
    });
  },
  "go with one signal, which does not": (home, n) => {
    const { signal } = controller();
    return costOf(() => Promise.all(times(n, () => home.go(nothing(), { signal }))));
  },
  "go with a signal each": dear((home, n) =>
    costOf(() => {
      const controllers = times(n, controller);
      const tasks = controllers.map(({ signal }) => home.go(sleeps(FOR_LONG), { signal }));
      const settled = Promise.allSettled(tasks);
      for (const { abort } of controllers) abort();
      return settled;
    })
  ),
  "go with a timeout that does not come": (home, n) =>
    costOf(() => Promise.all(times(n, (i) => home.go(nothing(), { timeout: FOR_LONG - i })))),
  "go with a timeout that does": dear((home, n) =>
    costOf(() => Promise.allSettled(times(n, (i) => home.go(sleeps(FOR_LONG), { timeout: 1 + i % 50 }))))
  ),
  "cancel what is queued": dear((home, n) =>
    costOf(() => cancelAll(times(n, () => home.go(sleeps(FOR_LONG)))))
  ),
  "cancel what runs": dear((home, n) =>
    costOf(async () => {
      const tasks = times(n, () => home.go(sleeps(FOR_LONG)));
      while (tasks.some(({ state }) => state === "queued") && await isMoving(tasks));
      await cancelAll(tasks);
      // Slots that were set aside are to be found again.
      await Promise.all(times(n, () => home.go(nothing())));
    })
  ),
  "sleep": (home, n) => costOf(() => Promise.all(times(n, (i) => home.go(sleeps(i * 7919 % 100))))),
  "readable of one descriptor": async (home, n) => {
    // Not where programs get no FFI, which import this module for its tasks.
    const { close, eventfd, signal } = await import("../support/descriptors.ts");
    const fd = eventfd();
    const cost = await costOf(async () => {
      const all = times(n, () => readable(home, fd));
      signal(fd);
      await Promise.all(all);
    });
    close(fd);
    return cost;
  },
  "yield": (home, n) => costOf(() => Promise.all(times(n, () => home.go(yields())))),
};

/** On what they share: the same on both sides, but for how the isolate goes on. */
export const operationsOnObjects: Record<string, On> = {
  "recv, parked": (home, n) =>
    costOf(async () => {
      const channel = new Channel<number>(home);
      const all = times(n, () => channel.recv());
      for (let i = 0; i < n; i++) await channel.send(i);
      await Promise.all(all);
    }),
  "send, parked": (home, n) =>
    costOf(async () => {
      const channel = new Channel<number>(home);
      const all = times(n, (i) => channel.send(i));
      for (let i = 0; i < n; i++) await channel.recv();
      await Promise.all(all);
    }),
  "recv of tasks, parked": (home, n) =>
    costOf(async () => {
      const channel = new Channel<number>(home);
      const all = times(n, () => home.go(receives(channel)));
      for (let i = 0; i < n; i++) await channel.send(i);
      await Promise.all(all);
    }),
  "recv and send, parked, of a channel that is passed on": async (home, n) => {
    const until = new Channel<void>(home);
    const kept: Task<unknown>[] = [];
    const cost = await costOf(async () => {
      const channels = [new Channel<number>(home), new Channel<number>(home)];
      const all: Promise<unknown>[] = times(n, () => channels[0].recv());
      all.push(...times(n, (i) => channels[1].send(i)));
      kept.push(home.go(keeps(channels, until)));
      for (let i = 0; i < n; i++) await Promise.all([channels[0].send(i), channels[1].recv()]);
      await Promise.all(all);
    });
    until.close();
    await Promise.all(kept);
    return cost;
  },
  "recv with one signal, which aborts": (home, n) => {
    const { signal, abort } = controller();
    return costOf(() => {
      const channel = new Channel<number>(home);
      const all = times(n, () => channel.recv({ signal }));
      const settled = Promise.allSettled(all);
      abort();
      return settled;
    });
  },
  "recv, then close": (home, n) =>
    costOf(() => {
      const channel = new Channel<number>(home);
      const all = times(n, () => channel.recv());
      const settled = Promise.allSettled(all);
      channel.close();
      return settled;
    }),
  "send through a buffer": (home, n) =>
    costOf(async () => {
      const channel = new Channel<number>(home, 60_000);
      const all = times(n, (i) => channel.send(i));
      for (let i = 0; i < n; i++) await channel.recv();
      await Promise.all(all);
    }),
  "n selects on one channel": (home, n) =>
    costOf(async () => {
      const [channel, other] = [new Channel<number>(home), new Channel<number>(home)];
      const all = times(n, () => select([recv(channel), recv(other), after(FOR_LONG)]));
      for (let i = 0; i < n; i++) await channel.send(i);
      await Promise.all(all);
    }),
  "a select of n cases": (home, n) =>
    costOf(async () => {
      const channels = times(n, () => new Channel<number>(home));
      const chosen = select(channels.map((channel, i) => i % 2 === 0 ? recv(channel) : send(channel, i)));
      await channels[n - 2].send(1);
      await chosen;
    }),
  "n selects whose time comes": (home, n) =>
    costOf(() => {
      const channel = new Channel<number>(home);
      return Promise.all(times(n, (i) => select([recv(channel), after(1 + i % 50)])));
    }),
  "Mutex": (home, n) => costOf(() => withMutex(new Mutex(home), n)),
  "RWMutex": (home, n) =>
    costOf(async () => {
      const mutex = new RWMutex(home);
      await Promise.all(times(n, async (i) => {
        using _held = await (i % 10 === 0 ? mutex.lock() : mutex.readLock());
      }));
    }),
  "Semaphore": (home, n) =>
    costOf(async () => {
      const semaphore = new Semaphore(home, 10);
      await Promise.all(times(n, async (i) => {
        using _held = await semaphore.acquire(1 + i % 10);
      }));
    }),
  "Semaphore, waits that a signal ends": (home, n) =>
    costOf(async () => {
      const semaphore = new Semaphore(home, 10);
      using _held = await semaphore.acquire(10);
      const { signal, abort } = controller();
      const all = times(n, () => semaphore.acquire(1, { signal }));
      const settled = Promise.allSettled(all);
      abort();
      await settled;
    }),
  "WaitGroup": (home, n) =>
    costOf(async () => {
      const group = new WaitGroup(home);
      group.add(n);
      const all = times(n, () => group.wait());
      for (let i = 0; i < n; i++) group.done();
      await Promise.all(all);
    }),
  "Barrier": (home, n) =>
    costOf(() => {
      const barrier = new Barrier(home, n);
      return Promise.all(times(n, () => barrier.wait()));
    }),
  "Once": (home, n) =>
    costOf(() => {
      const once = new Once(home);
      return Promise.all(times(n, () => once.do(turn)));
    }),
  "n locks": (home, n) =>
    costOf(async () => {
      for (const lock of times(n, () => new Mutex(home))) (await lock.lock())[Symbol.dispose]();
    }),
  "n channels that are passed on, and their end": async (home, n) => {
    const until = new Channel<void>(home);
    let kept: Task<unknown>[] = [];
    const cost = await costOf(async () => {
      const channels = times(n, () => new Channel<number>(home));
      kept = times(Math.ceil(n / 100), (i) => home.go(keeps(channels.slice(100 * i, 100 * i + 100), until)));
      await turn();
      until.close();
      await Promise.all(kept);
    });
    return cost;
  },
  "parallelMap": (home, n) =>
    costOf(async () => {
      for await (const _ of parallelMap(home, times(n, (i) => i), echoes));
    }),
  "parallelMap, all at once": (home, n) =>
    costOf(async () => {
      for await (const _ of parallelMap(home, times(n, (i) => i), echoes, { concurrency: n }));
    }),
  "parallelMap, all at once, in any order": (home, n) =>
    costOf(async () => {
      const options = { concurrency: n, ordered: false };
      for await (const _ of parallelMap(home, times(n, (i) => i), echoes, options));
    }),
  "a stream of n": (home, n) =>
    costOf(async () => {
      for await (const _ of home.go(countsUp(n)));
    }),
  "n streams": dear((home, n) =>
    costOf(() => Promise.all(times(n, () => Array.fromAsync(home.go(countsUp(2))))))
  ),
  "pipeline": (home, n) =>
    costOf(async () => {
      for await (const _ of pipeline(home, times(n, (i) => i), [passesOn, passesOn]));
    }),
};

/** What only a task can do. */
export const operationsOfTasks: Record<string, (ctx: TaskContext, n: number) => Promise<number>> = {
  "yield, n times": (ctx, n) =>
    costOf(async () => {
      for (let i = 0; i < n; i++) await ctx.yield();
    }),
  "yield, n at once": (ctx, n) => costOf(() => Promise.all(times(n, () => ctx.yield()))),
  "sleep, n at once": (ctx, n) => costOf(() => Promise.all(times(n, (i) => ctx.sleep(1 + i * 7919 % 100)))),
  "wait, n at once": (ctx, n) => costOf(() => Promise.all(times(n, () => ctx.wait(Promise.resolve())))),
  "use, n at once": (ctx, n) => costOf(() => Promise.allSettled(times(n, () => ctx.use(opened)))),
  "blocking": (ctx, n) =>
    costOf(() => {
      for (let i = 0; i < n; i++) ctx.blocking(() => {});
    }),
  "a scope of n children": (ctx, n) =>
    costOf(() => ctx.scope((scope) => Promise.all(times(n, () => scope.go(nothing()))))),
  "a scope of n children, one of which fails": (ctx, n) =>
    costOf(() =>
      ctx.scope((scope) => {
        for (let i = 1; i < n; i++) scope.go(sleeps(FOR_LONG));
        scope.go(fails());
      }).catch(() => {})
    ),
  "n scopes": (ctx, n) =>
    costOf(() =>
      Promise.all(times(n, () => ctx.scope((scope) => scope.go(nothing()), { timeout: FOR_LONG })))
    ),
  "n scopes, one in another": (ctx, n) =>
    costOf(async () => {
      let open = 0;
      const nest = (): Promise<void> =>
        ctx.scope(async () => {
          await ctx.yield();
          if (++open < n) await nest();
        });
      await nest();
    }),
};

async function withMutex(mutex: Mutex, n: number): Promise<void> {
  await Promise.all(times(n, async () => {
    using _held = await mutex.lock();
  }));
}

/** Whether more of them have begun after a turn: there may be no room for more. */
async function isMoving(tasks: readonly Task<unknown>[]): Promise<boolean> {
  const queued = () => tasks.reduce((sum, { state }) => sum + (state === "queued" ? 1 : 0), 0);
  const before = queued();
  await turn();
  await turn();
  return queued() < before;
}

function controller(): { signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** One of them in a task. */
export const grow = task(import.meta, "grow", (ctx, name: string, n: number): Promise<number> => {
  return { ...operations, ...operationsOnObjects, ...operationsOfTasks }[name](ctx, n);
});
