/** Tasks that await something, for who looks at what and where. */
import { Channel, Mutex, recv, select, task } from "@heddle/heddle";
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
