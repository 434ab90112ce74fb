/** Tasks that await something, for who looks at what and where. */
import { Channel, Mutex, recv, type RWMutex, select, type Semaphore, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

const receives = task(import.meta, "receives", async (_ctx, from: Channel<number>) => await from.recv());

async function helps(from: Channel<number>): Promise<number> {
  await null;
  return await from.recv();
}

/** In a function that it calls. */
export const receivesDeep = task(import.meta, "receivesDeep", async (_ctx, from: Channel<number>) => {
  const n = await helps(from);
  return n + 1;
});

/** A child, which receives from a channel that this thread alone knows. */
export const awaitsChild = task(import.meta, "awaitsChild", async (ctx, release: Channel<number>) => {
  const own = new Channel<number>(ctx);
  const child = ctx.go(receives(own));
  ctx.go(passesOn(release, own));
  return await child;
});

const passesOn = task(import.meta, "passesOn", async (_ctx, from: Channel<number>, to: Channel<number>) => {
  await to.send(await from.recv());
});

/** A mutex that its thread alone knows, which it has itself. */
export const locksOwn = task(import.meta, "locksOwn", async (ctx, signal: AbortSignal) => {
  const mutex = new Mutex(ctx);
  await mutex.lock();
  await mutex.lock({ signal }).catch(() => {});
});

export const locksOther = task(import.meta, "locksOther", async (_ctx, mutex: Mutex) => {
  using _guard = await mutex.lock();
});

/** Locks the one, and once `arrived` tasks have done so the other. */
export const crosses = task(
  import.meta,
  "crosses",
  async (ctx, first: Mutex, second: Mutex, arrived: SharedArrayBuffer, count: number) => {
    using _one = await first.lock();
    const flag = new Flag(arrived);
    flag.increment();
    while (flag.value < count) await ctx.yield();
    using _other = await second.lock({ signal: ctx.signal });
  },
);

/** Children in a circle, about mutexes that their thread alone knows. */
export const quarrels = task(import.meta, "quarrels", async (ctx, arrived: SharedArrayBuffer) => {
  const mutexes = ["knife", "fork", "spoon"].map((name) => new Mutex(ctx, { name }));
  const { signal } = ctx;
  await Promise.all(
    mutexes.map((mutex, i) => ctx.go(crosses(mutex, mutexes[(i + 1) % 3], arrived, 3), { signal })),
  );
});

/** What its child waits for. */
export const keepsFromChild = task(import.meta, "keepsFromChild", async (ctx, mutex: Mutex) => {
  using _guard = mutex.tryLock();
  await ctx.go(locksInTime(mutex), { signal: ctx.signal });
});

const locksInTime = task(import.meta, "locksInTime", async (ctx, mutex: Mutex) => {
  using _guard = await mutex.lock({ signal: ctx.signal });
});

/** A mutex that it has itself. */
export const locksTwice = task(import.meta, "locksTwice", async (ctx, mutex: Mutex) => {
  await mutex.lock();
  await mutex.lock({ signal: ctx.signal });
});

/** It ends with it. */
export const keeps = task(import.meta, "keeps", async (_ctx, mutex: Mutex) => {
  await mutex.lock();
});

/** Until it receives something. */
export const holdsAll = task(
  import.meta,
  "holdsAll",
  async (_ctx, permits: Semaphore, rows: RWMutex, until: Channel<number>) => {
    using _three = await permits.acquire(3);
    using _read = await rows.readLock();
    await until.recv();
    permits.release(1);
    await until.recv();
    await permits.acquire(1);
  },
);

export const sleepsLong = task(import.meta, "sleepsLong", async (ctx) => {
  await ctx.sleep(1e6).catch(() => {});
});

export const waitsOutside = task(import.meta, "waitsOutside", async (ctx, done: SharedArrayBuffer) => {
  await ctx.wait(isSet(done));
});

export const awaitsOwn = task(import.meta, "awaitsOwn", async (_ctx, done: SharedArrayBuffer) => {
  await isSet(done);
});

/** Outside of any task's turn it settles. */
function isSet(done: SharedArrayBuffer): Promise<void> {
  const { value } = Atomics.waitAsync(new Int32Array(done), 0, 0) as { value: Promise<unknown> };
  return Promise.resolve(value).then(() => {});
}

export const selectsOne = task(
  import.meta,
  "selectsOne",
  async (_ctx, one: Channel<number>, two: Channel<number>) => {
    await select([recv(one), recv(two)]);
  },
);

/** A child waits on its thread while it goes on and on, until it is told to end. */
export const spins = task(
  import.meta,
  "spins",
  async (ctx, from: Channel<number>, begun: SharedArrayBuffer, go: SharedArrayBuffer) => {
    const child = ctx.go(receivesDeep(from));
    await ctx.yield();
    await null;
    new Flag(begun).value = 1;
    for (const flag = new Flag(go); flag.value === 0;);
    await child;
  },
);

/** In a blocking call, after an await, as long as the flag is 1. */
export const waitsInCall = task(import.meta, "waitsInCall", async (ctx, go: SharedArrayBuffer) => {
  await ctx.yield();
  ctx.blocking(() => Atomics.wait(new Int32Array(go), 0, 1));
});
