/** The tasks of tests/programs/uses_every_feature.ts. They need nothing but the package. */
import {
  type Barrier,
  type Channel,
  type Mutex,
  type Once,
  perThread,
  readable,
  type RWMutex,
  type Semaphore,
  task,
  type WaitGroup,
} from "@heddle/heddle";

export const sum = task(import.meta, "sum", (_ctx, from: number, to: number) => {
  let total = 0;
  for (let n = from; n < to; n++) total += n;
  return total;
});

/** Halves of halves, by children of children. */
export const sumOfTree = task(
  import.meta,
  "sumOfTree",
  async (ctx, from: number, to: number): Promise<number> => {
    if (to - from < 8) return await ctx.go(sum(from, to));
    const middle = (from + to) >> 1;
    const halves = await Promise.all([ctx.go(sumOfTree(from, middle)), ctx.go(sumOfTree(middle, to))]);
    return halves[0] + halves[1];
  },
);

export const fails = task(import.meta, "fails", (_ctx, message: string): void => {
  throw new RangeError(message, { cause: { code: 7 } });
});

export const hears = task(import.meta, "hears", async (ctx, fd: number) => {
  await readable(ctx, fd);
  return fd;
});

export const echo = task(import.meta, "echo", (_ctx, value: unknown) => value);

export const sleeps = task(import.meta, "sleeps", async (ctx, ms: number) => {
  await ctx.sleep(ms);
  return ctx.signal.aborted;
});

export const squares = task(import.meta, "squares", async function* (ctx, count: number) {
  for (let n = 0; n < count; n++) {
    await ctx.yield();
    yield n * n;
  }
});

export const doubling = task(
  import.meta,
  "doubling",
  async (_ctx, from: Channel<number>, to: Channel<number>) => {
    for await (const n of from) await to.send(2 * n);
  },
);

const opened = perThread(import.meta, "opened", ({ tid }) => ({ tid, uses: 0 }));

export const usesItsThreads = task(import.meta, "usesItsThreads", async (ctx) => {
  const own = await ctx.use(opened);
  own.uses++;
  return own.tid === ctx.tid && own.uses > 0;
});

export const blocks = task(import.meta, "blocks", (ctx, words: Int32Array) => {
  return ctx.blocking(() => Atomics.wait(words, 0, 0));
});

/** A plain addition to word 0, under whatever lock; then all meet. */
export const adds = task(
  import.meta,
  "adds",
  async (
    ctx,
    words: Int32Array,
    locks: { mutex: Mutex; rw: RWMutex; permits: Semaphore; done: WaitGroup; once: Once; all: Barrier },
  ) => {
    const { mutex, rw, permits, done, once, all } = locks;
    await once.do(() => Atomics.add(words, 3, 1));
    for (let i = 0; i < 20; i++) {
      for (const [at, lock] of [mutex.lock(), rw.lock(), permits.acquire()].entries()) {
        using _held = await lock;
        const before = words[at];
        if (i % 5 === 0) await ctx.yield();
        words[at] = before + 1;
      }
      using _reads = await rw.readLock();
      if (words[1] <= i) throw new Error("an addition is lost");
    }
    done.done();
    return await all.wait();
  },
);

export const aboutItsThread = task(import.meta, "aboutItsThread", (ctx) => {
  ctx.lockOSThread();
  ctx.unlockOSThread();
  return ctx.tid;
});

export const dedicates = task(import.meta, "dedicates", async (ctx) => {
  const before = ctx.tid;
  ctx.dedicate();
  await ctx.sleep(1);
  const isSame = ctx.tid === before;
  ctx.undedicate();
  return isSame;
});

export const hog = task(import.meta, "hog", (): void => {
  for (;;);
});

/** Says in word 1 that it runs, and computes until word 0 is set. */
export const computesUntil = task(import.meta, "computesUntil", (_ctx, words: Int32Array) => {
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  let rounds = 0;
  while (Atomics.load(words, 0) === 0) rounds++;
  return rounds > 0;
});

/** Sets word 0 when it is back from a call that waits for word 2. Says in word 3 that it is about to call. */
export const setsAfterCall = task(import.meta, "setsAfterCall", (ctx, words: Int32Array) => {
  ctx.blocking(() => {
    Atomics.store(words, 3, 1);
    Atomics.notify(words, 3);
    Atomics.wait(words, 2, 0);
  });
  Atomics.store(words, 0, 1);
});
