/** What the acts start. Every operation that may wait gets the task's signal, so that an act that was stopped ends. */
import {
  type Barrier,
  Channel,
  ChannelClosedError,
  type Home,
  type Mutex,
  onAbort,
  type Once,
  parallelMap,
  recv,
  RWMutex,
  select,
  type SelectCase,
  Semaphore,
  send,
  task,
  type TaskContext,
  type WaitGroup,
} from "@heddle/heddle";
import { after } from "@heddle/heddle";
import { Random } from "./random.ts";

const libc = Deno.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } }).symbols;

/** Some time passes, in one of the ways in which a task can let it. */
export async function linger(ctx: TaskContext, random: Random): Promise<void> {
  const dice = random.below(20);
  if (dice < 7) return;
  if (dice < 10) { for (let i = random.below(12); i > 0; i--) await null; }
  else if (dice < 12) await ctx.yield();
  else if (dice < 14) await ctx.sleep(random.below(30) / 10);
  else if (dice < 15) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
  else if (dice < 16) await ctx.wait(new Promise((resolve) => setTimeout(resolve, random.below(3))));
  else if (dice < 18) {
    ctx.blocking(() => libc.usleep(random.of([0, 10, 60, 300, 1500])), { handOff: random.chance(30) });
  } else for (const end = performance.now() + random.below(20) / 10; performance.now() < end;);
}

// Channels -------------------------------------------------------------------------------------------------------------

/** A value names its sender and its place; some do not fit into a cell. */
export type Sent = [sender: number, i: number, ballast?: string];

function sent(sender: number, i: number, random: Random): Sent {
  return random.chance(70) ? [sender, i] : [sender, i, "x".repeat(random.of([1, 40, 200, 5000]))];
}

/** Sends in all ways that there are. Returns which values went. */
export async function sendAll(
  ctx: Pick<TaskContext, "signal" | "yield"> & Partial<TaskContext>,
  channels: Channel<Sent>[],
  sender: number,
  count: number,
  seed: number,
): Promise<number[]> {
  const random = new Random(seed);
  const { signal } = ctx;
  const went: number[] = [];
  for (let i = 0; i < count; i++) {
    const value = sent(sender, i, random);
    const channel = channels[i % channels.length];
    const dice = random.below(10);
    if (dice < 4) {
      await channel.send(value, { signal });
      went.push(i);
    } else if (dice < 6) {
      while (!channel.trySend(value)) {
        signal.throwIfAborted();
        await ctx.yield();
      }
      went.push(i);
    } else if (dice < 8) {
      const cases: SelectCase[] = [send(channel, value), after(random.below(20) / 10), onAbort(signal)];
      if ((await select(cases)).index === 0) went.push(i);
    } else {
      const hurry = AbortSignal.any([signal, AbortSignal.timeout(random.below(3))]);
      try {
        await channel.send(value, { signal: hurry });
        went.push(i);
      } catch (error) {
        if (signal.aborted || error !== hurry.reason) throw error;
      }
    }
    if (ctx.go !== undefined && random.chance(30)) await linger(ctx as TaskContext, random);
  }
  return went;
}

/** Receives in all ways that there are, until all channels are closed. */
export async function receiveAll(
  ctx: Pick<TaskContext, "signal" | "yield"> & Partial<TaskContext>,
  channels: Channel<Sent>[],
  seed: number,
): Promise<[number, number][]> {
  const random = new Random(seed);
  const { signal } = ctx;
  const got: [number, number][] = [];
  const keep = ([sender, i]: Sent) => void got.push([sender, i]);
  const open = [...channels];
  while (open.length > 0) {
    const channel = random.of(open);
    const over = () => void open.splice(open.indexOf(channel), 1);
    const dice = random.below(10);
    if (dice < 4 && open.length === 1) {
      try {
        keep(await channel.recv({ signal }));
      } catch (error) {
        if (!(error instanceof ChannelClosedError)) throw error;
        over();
      }
    } else if (dice < 6) {
      const next = channel.tryRecv();
      if (next === undefined) {
        signal.throwIfAborted();
        await ctx.yield();
      } else if (next.done) over();
      else keep(next.value);
    } else {
      const cases: SelectCase[] = open.map((each) => recv(each));
      if (random.chance(50)) cases.push(after(random.below(30) / 10));
      cases.push(onAbort(signal));
      const { index, value, done } = await select(cases);
      signal.throwIfAborted();
      if (index < open.length) {
        if (done) open.splice(index, 1);
        else keep(value as Sent);
      }
    }
    if (ctx.go !== undefined && random.chance(20)) await linger(ctx as TaskContext, random);
  }
  return got;
}

export const sends = task(import.meta, "sends", sendAll);
export const receives = task(import.meta, "receives", receiveAll);

// Locks ----------------------------------------------------------------------------------------------------------------

/** Words of a lock's record. */
export const [WRITERS, READERS, SECTIONS, VIOLATIONS] = [0, 1, 2, 3];

type Lock = Mutex | RWMutex | Semaphore;

/** Enters and leaves; words say who is inside. `limit` is the semaphore's. */
export const locks = task(
  import.meta,
  "locks",
  async (ctx, lock: Lock, buffer: SharedArrayBuffer, limit: number, rounds: number, seed: number) => {
    const random = new Random(seed);
    const words = new Int32Array(buffer);
    let sections = 0;
    for (let i = 0; i < rounds; i++) {
      const isReader = lock instanceof RWMutex && random.chance(60);
      const permits = lock instanceof Semaphore ? 1 + random.below(limit) : 1;
      const held = await enter(ctx, lock, isReader, permits, random);
      if (held === undefined) continue;
      using _held = held;
      const word = isReader ? READERS : WRITERS;
      const before = Atomics.add(words, word, permits);
      const most = lock instanceof Semaphore ? limit : 1;
      if (
        isReader
          ? Atomics.load(words, WRITERS) > 0
          : before + permits > most || Atomics.load(words, READERS) > 0
      ) {
        Atomics.add(words, VIOLATIONS, 1);
      }
      try {
        if (!isReader && most === 1) words[SECTIONS] = await increased(ctx, words[SECTIONS], random);
        else await linger(ctx, random);
      } finally {
        Atomics.sub(words, word, permits);
      }
      if (!isReader && most === 1) sections++;
    }
    return sections;
  },
);

/** Not atomic: the lock has to see to that. */
async function increased(ctx: TaskContext, n: number, random: Random): Promise<number> {
  try {
    await linger(ctx, random);
  } catch {
    // Cancelled: the section ends as it would have.
  }
  return n + 1;
}

async function enter(
  ctx: TaskContext,
  lock: Lock,
  isReader: boolean,
  permits: number,
  random: Random,
): Promise<Disposable | undefined> {
  const { signal } = ctx;
  const dice = random.below(10);
  if (dice < 2) {
    if (lock instanceof Semaphore) return lock.tryAcquire(permits);
    return isReader ? (lock as RWMutex).tryReadLock() : lock.tryLock();
  }
  const isHurried = dice < 4;
  const chosen = isHurried ? AbortSignal.any([signal, AbortSignal.timeout(random.below(4))]) : signal;
  try {
    if (lock instanceof Semaphore) return await lock.acquire(permits, { signal: chosen });
    return await (isReader ? (lock as RWMutex).readLock({ signal: chosen }) : lock.lock({ signal: chosen }));
  } catch (error) {
    if (isHurried && !signal.aborted && error === chosen.reason) return undefined;
    throw error;
  }
}

// Meeting each other ---------------------------------------------------------------------------------------------------

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

// Families -------------------------------------------------------------------------------------------------------------

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

/** Returns how many children were still running when the scope was over, and how it ended. */
export const scopes = task(
  import.meta,
  "scopes",
  async (ctx, buffer: SharedArrayBuffer, children: number, failing: number, seed: number) => {
    const random = new Random(seed);
    const timeout = random.chance(20) ? random.below(8) : undefined;
    let outcome: string;
    try {
      outcome = String(
        await ctx.scope(async (scope) => {
          const tasks = Array.from(
            { length: children },
            (_, i) => scope.go(runsInScope(buffer, seed * 64 + i, failing)),
          );
          if (random.chance(20)) await linger(ctx, random);
          if (random.chance(10)) scope.cancel(new RangeError(PLANNED));
          if (random.chance(30)) return -1;
          return (await Promise.all(tasks)).length;
        }, { timeout }),
      );
    } catch (error) {
      outcome = `${(error as Error).name}: ${(error as Error).message}`;
    }
    return { left: Atomics.load(new Int32Array(buffer), 0), outcome, hadTimeout: timeout !== undefined };
  },
);

// Lists ----------------------------------------------------------------------------------------------------------------

/** An item: its number, and when it fails. */
export type Item = [n: number, seed: number, fails?: boolean];

export const triples = task(import.meta, "triples", async (ctx, [n, seed, fails]: Item): Promise<number> => {
  const random = new Random(seed);
  if (random.chance(50)) await linger(ctx, random);
  if (fails) throw new RangeError(PLANNED);
  return 3 * n;
});

export const maps = task(
  import.meta,
  "maps",
  async (ctx, items: Item[], concurrency: number, ordered: boolean): Promise<number[]> =>
    await Array.fromAsync(parallelMap(ctx, items, triples, { concurrency, ordered, signal: ctx.signal })),
);

export const adding = task(
  import.meta,
  "adding",
  async (ctx, from: Channel<number>, to: Channel<number>): Promise<void> => {
    const random = new Random(ctx.id);
    for await (const n of from) {
      if (random.chance(20)) await linger(ctx, random);
      await to.send(n + 1);
    }
  },
);

// Others ---------------------------------------------------------------------------------------------------------------

export const echoes = task(import.meta, "echoes", (_ctx, value: unknown): unknown => value);

export const waitsForEnd = task(import.meta, "waitsForEnd", async (ctx): Promise<void> => {
  await ctx.sleep(3_600_000);
});

export const tidOf = task(import.meta, "tidOf", async (ctx, seed: number): Promise<number> => {
  await linger(ctx, new Random(seed));
  return ctx.tid;
});

/** Fills the heap of its thread, of which that dies. */
export const hogs = task(import.meta, "hogs", async (ctx): Promise<void> => {
  const hoard: unknown[] = [];
  for (;;) {
    for (let i = 0; i < 20_000; i++) hoard.push({ i, of: [i] });
    await ctx.yield();
  }
});

/** An isolate knows the operation that it parked last until there is another one. */
export async function forgetLast(home: Home): Promise<void> {
  await select([recv(new Channel<never>(home)), after(0)]);
  const withdrawn = new AbortController();
  const waits = new Channel<never>(home).recv({ signal: withdrawn.signal }).catch(() => {});
  withdrawn.abort();
  await waits;
}

/** Lets the collector and what it leaves to be done have their turn, on as many threads as there are tasks. */
export const collects = task(import.meta, "collects", async (ctx, ms: number): Promise<void> => {
  await forgetLast(ctx);
  (globalThis as unknown as { gc?: () => void }).gc?.();
  for (const end = performance.now() + ms; performance.now() < end;);
  await ctx.wait(new Promise((resolve) => setTimeout(resolve, 0)));
  await ctx.wait(new Promise((resolve) => setTimeout(resolve, 0)));
});
