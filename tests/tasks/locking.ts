/** Tasks that hold locks. */
import process from "node:process";
import { type Barrier, Mutex, Once, RWMutex, Semaphore, task, type WaitGroup } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** Adds 1 to a word `count` times, with an await between reading and writing. Words: the sum, and who is inside. */
export const addsUnderLock = task(
  import.meta,
  "addsUnderLock",
  async (_ctx, mutex: Mutex, shared: SharedArrayBuffer, count: number): Promise<number> => {
    const words = new Int32Array(shared);
    let most = 0;
    for (let i = 0; i < count; i++) {
      using _held = await mutex.lock();
      most = Math.max(most, Atomics.add(words, 1, 1) + 1);
      const before = words[0];
      await Promise.resolve();
      words[0] = before + 1;
      Atomics.sub(words, 1, 1);
    }
    return most;
  },
);

/** The same between children of one task. */
export const addsAtHome = task(import.meta, "addsAtHome", async (ctx, children: number, count: number) => {
  const mutex = new Mutex(ctx);
  let sum = 0;
  const adds = async () => {
    for (let i = 0; i < count; i++) {
      using _held = await mutex.lock();
      const before = sum;
      await ctx.yield();
      sum = before + 1;
    }
  };
  await Promise.all(Array.from({ length: children }, adds));
  return sum;
});

/** Holds `permits` of a semaphore for a moment, `count` times. Returns the most that were held at once. */
export const holdsPermits = task(
  import.meta,
  "holdsPermits",
  async (
    ctx,
    semaphore: Semaphore,
    permits: number,
    shared: SharedArrayBuffer,
    count: number,
  ): Promise<number> => {
    const words = new Int32Array(shared);
    let most = 0;
    for (let i = 0; i < count; i++) {
      using _held = await semaphore.acquire(permits);
      most = Math.max(most, Atomics.add(words, 0, permits) + permits);
      if (i % 8 === 0) await ctx.sleep(0.05);
      Atomics.sub(words, 0, permits);
    }
    return most;
  },
);

/** Releases a permit that another thread has acquired. Returns what that came to. */
export const releasesPermit = task(import.meta, "releasesPermit", (_ctx, semaphore: Semaphore): string => {
  try {
    semaphore.release();
    return "released";
  } catch (error) {
    return `${(error as Error).name}: ${
      (error as Error).message.match(/this thread holds \d of the \d permits/)
    }`;
  }
});

/** Reads, or writes every `every`th time. Words: readers and writers inside. Returns what was seen that must not be. */
export const readsAndWrites = task(
  import.meta,
  "readsAndWrites",
  async (ctx, lock: RWMutex, shared: SharedArrayBuffer, every: number, count: number): Promise<string[]> => {
    const words = new Int32Array(shared);
    const wrong: string[] = [];
    for (let i = 0; i < count; i++) {
      const isWriter = i % every === 0;
      using _held = await (isWriter ? lock.lock() : lock.readLock());
      Atomics.add(words, isWriter ? 1 : 0, 1);
      await ctx.yield();
      const [readers, writers] = [Atomics.load(words, 0), Atomics.load(words, 1)];
      if (isWriter ? readers !== 0 || writers !== 1 : writers !== 0) {
        wrong.push(`${isWriter} ${readers} ${writers}`);
      }
      Atomics.sub(words, isWriter ? 1 : 0, 1);
    }
    return wrong;
  },
);

export const doneAfter = task(import.meta, "doneAfter", async (ctx, group: WaitGroup, ms: number) => {
  await ctx.sleep(ms);
  group.done();
});

/** Runs the function of a `Once`, which counts. */
export const doesOnce = task(import.meta, "doesOnce", async (ctx, once: Once, counter: SharedArrayBuffer) => {
  await once.do(async () => {
    await ctx.sleep(2);
    new Flag(counter).increment();
  });
  return new Flag(counter).value;
});

/** Meets the others `rounds` times. Nobody may be more than one round ahead. Returns how often it came last. */
export const meets = task(
  import.meta,
  "meets",
  async (
    _ctx,
    barrier: Barrier,
    shared: SharedArrayBuffer,
    number: number,
    rounds: number,
  ): Promise<number> => {
    const words = new Int32Array(shared);
    let last = 0;
    for (let round = 1; round <= rounds; round++) {
      Atomics.store(words, number, round);
      if (await barrier.wait()) last++;
      for (const other of words) if (other < round) throw new Error(`${other} in round ${round}`);
    }
    return last;
  },
);

/** Takes all of it, says so, and takes its thread with it when told to. */
export const diesHolding = task(
  import.meta,
  "diesHolding",
  async (
    ctx,
    what: Mutex | RWMutex | Semaphore | Once | Barrier,
    how: string,
    arrived: SharedArrayBuffer,
  ) => {
    const flag = new Flag(arrived);
    const die = async () => {
      flag.value = 1;
      while (flag.value < 2) await ctx.sleep(0.5);
      process.exit(3);
    };
    if (what instanceof Mutex) await what.lock();
    else if (what instanceof RWMutex) await (how === "read" ? what.readLock() : what.lock());
    else if (what instanceof Semaphore) await what.acquire();
    else if (what instanceof Once) await what.do(die);
    else void what.wait();
    await die();
  },
);

/** What waiting for it says. */
export const waitsFor = task(
  import.meta,
  "waitsFor",
  async (_ctx, what: Mutex | RWMutex | Semaphore | Once | Barrier): Promise<string> => {
    try {
      if (what instanceof Mutex || what instanceof RWMutex) await what.lock();
      else if (what instanceof Semaphore) await what.acquire();
      else if (what instanceof Once) await what.do(() => {});
      else await what.wait();
      return "got it";
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  },
);

/** Waits for all of what it will not live to have. */
export const diesWaiting = task(
  import.meta,
  "diesWaiting",
  async (ctx, what: Mutex | RWMutex | Semaphore, arrived: SharedArrayBuffer) => {
    const waiting = what instanceof Semaphore ? what.acquire(2) : what.lock();
    waiting.catch(() => {});
    const flag = new Flag(arrived);
    flag.value = 1;
    while (flag.value < 2) await ctx.sleep(0.5);
    process.exit(3);
  },
);
