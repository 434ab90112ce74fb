/** Heddle's side of the rows about channels and locks. */
import { Channel, Mutex, task } from "@heddle/heddle";
import { residentBytes } from "./resident.ts";

/** Passes a number to a child and back over two unbuffered channels. */
export const pingPong = task(import.meta, "pingPong", async (ctx, rounds: number): Promise<number> => {
  const [there, back] = [new Channel<number>(ctx), new Channel<number>(ctx)];
  const child = ctx.go(increments(there, back, rounds));
  let n = 0;
  for (let i = 0; i < rounds; i++) {
    await there.send(n);
    n = await back.recv();
  }
  await child;
  return n;
});

const increments = task(
  import.meta,
  "increments",
  async (_ctx, from: Channel<number>, to: Channel<number>, rounds: number) => {
    for (let i = 0; i < rounds; i++) await to.send(await from.recv() + 1);
  },
);

const addsAll = task(
  import.meta,
  "addsAll",
  async (_ctx, from: Channel<number>, begun: Channel<boolean>): Promise<number> => {
    await begun.send(true);
    let sum = 0;
    for await (const n of from) sum += n;
    return sum;
  },
);

/** Sends the numbers below `count` to a child on another thread, through a channel with room for 64. */
export const stream = task(import.meta, "stream", async (ctx, count: number): Promise<number> => {
  const numbers = new Channel<number>(ctx, 64);
  const begun = new Channel<boolean>(ctx);
  // What a locked thread starts begins on another one.
  ctx.lockOSThread();
  const adding = ctx.go(addsAll(numbers, begun));
  await begun.recv();
  ctx.unlockOSThread();
  for (let n = 0; n < count; n++) await numbers.send(n);
  numbers.close();
  return await adding;
});

/** Locks and unlocks a mutex that nobody else wants. */
export const mutex = task(import.meta, "mutex", async (ctx, rounds: number): Promise<number> => {
  const lock = new Mutex(ctx);
  let n = 0;
  for (let i = 0; i < rounds; i++) {
    await lock.lock();
    n++;
    lock.unlock();
  }
  return n;
});

/** The same without an await for a mutex that is free. */
export const mutexTry = task(import.meta, "mutexTry", async (ctx, rounds: number): Promise<number> => {
  const lock = new Mutex(ctx);
  let n = 0;
  for (let i = 0; i < rounds; i++) {
    lock.tryLock() ?? await lock.lock();
    n++;
    lock.unlock();
  }
  return n;
});

/** The `count`th prime, by a task for each prime. They stop when it is found, and sieve no further. */
export const sieve = task(import.meta, "sieve", async (ctx, count: number): Promise<number> => {
  const first = new Channel<number>(ctx);
  const tasks = [ctx.go(counts(first))];
  let numbers = first;
  let prime = 0;
  for (let i = 0; i < count; i++) {
    prime = await numbers.recv();
    const passed = new Channel<number>(ctx);
    tasks.push(ctx.go(filters(numbers, passed, prime)));
    numbers = passed;
  }
  // Who waits to receive hears of the one end, and who waits to send of the other.
  first.close();
  numbers.close();
  await Promise.all(tasks);
  return prime;
});

const counts = task(import.meta, "counts", async (_ctx, to: Channel<number>) => {
  try {
    for (let n = 2;; n++) await to.send(n);
  } catch {
    // Nobody wants more.
  }
});

const filters = task(
  import.meta,
  "filters",
  async (_ctx, from: Channel<number>, to: Channel<number>, prime: number) => {
    try {
      for (;;) {
        const n = await from.recv();
        if (n % prime !== 0) await to.send(n);
      }
    } catch {
      for (const channel of [from, to]) if (!channel.closed) channel.close();
    }
  },
);

let waiting = 0;

const receiver = task(import.meta, "receiver", async (_ctx, from: Channel<number>) => {
  waiting++;
  try {
    await from.recv();
  } catch {
    // Closed at the end.
  }
});

/** Parks `count` children on one channel, and returns the resident bytes that they hold. */
export const parkReceivers = task(
  import.meta,
  "parkReceivers",
  async (ctx, count: number): Promise<number> => {
    const channel = new Channel<number>(ctx);
    const before = residentBytes();
    const children = Array.from({ length: count }, () => ctx.go(receiver(channel)));
    while (waiting < count) await ctx.yield();
    const grown = residentBytes() - before;
    channel.close();
    await Promise.all(children);
    return grown;
  },
);
