/** Tasks that talk through channels. */
import process from "node:process";
import v8 from "node:v8";
import { Channel, type ReceiveChannel, type SendChannel, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** Sends back twice what it receives, until the channel is closed. Returns the thread's number. */
export const doubles = task(
  import.meta,
  "doubles",
  async (ctx, numbers: Channel<number>, doubled: Channel<number>): Promise<number> => {
    for await (const n of numbers) await doubled.send(2 * n);
    doubled.close();
    return ctx.tid;
  },
);

/** Sends `[number, 0]`, `[number, 1]` and so on. */
export const sends = task(
  import.meta,
  "sends",
  async (_ctx, to: Channel<[number, number]>, number: number, count: number) => {
    for (let i = 0; i < count; i++) await to.send([number, i]);
  },
);

/** As `sends`, each value one number. */
export const sendsNumbers = task(
  import.meta,
  "sendsNumbers",
  async (_ctx, to: Channel<number>, first: number, count: number) => {
    for (let i = 0; i < count; i++) await to.send(first + i);
  },
);

/** What comes from each sender must be in order. Returns how many came, and their sum. */
export const receivesInOrder = task(
  import.meta,
  "receivesInOrder",
  async (_ctx, from: Channel<number>, senders: number, span: number): Promise<[number, number]> => {
    const last = new Array(senders).fill(-1);
    let count = 0;
    let sum = 0;
    for await (const n of from) {
      const sender = Math.floor(n / span);
      if (n <= last[sender]) throw new Error(`${n} came after ${last[sender]}`);
      last[sender] = n;
      count++;
      sum += n;
    }
    return [count, sum];
  },
);

/** Passes a ball back and forth between itself and a child, by a channel that only they know. */
export const pingPongAtHome = task(import.meta, "pingPongAtHome", async (ctx, rounds: number) => {
  const there = new Channel<number>(ctx);
  const back = new Channel<number>(ctx);
  const child = ctx.go(increments(there, back));
  let n = 0;
  for (let i = 0; i < rounds; i++) {
    await there.send(n);
    n = await back.recv();
  }
  there.close();
  await child;
  return n;
});

export const increments = task(
  import.meta,
  "increments",
  async (_ctx, from: Channel<number>, to: Channel<number>) => {
    for await (const n of from) await to.send(n + 1);
  },
);

/** Sends a channel of its own through the channel, and says what comes back by it. */
export const sendsChannel = task(
  import.meta,
  "sendsChannel",
  async (ctx, to: Channel<{ reply: Channel<string> }>): Promise<string> => {
    const reply = new Channel<string>(ctx, 2);
    await reply.send("in it before it moved");
    await to.send({ reply });
    await until(() => reply.length === 2);
    return await reply.recv() + ", " + await reply.recv();
  },
);

async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Waits for a value, and says what came of it. */
export const receives = task(
  import.meta,
  "receives",
  async (_ctx, from: Channel<unknown>, arrived?: SharedArrayBuffer): Promise<unknown> => {
    if (arrived) new Flag(arrived).increment();
    return await from.recv();
  },
);

export const receivesWithSignal = task(
  import.meta,
  "receivesWithSignal",
  async (ctx, from: Channel<unknown>, arrived: SharedArrayBuffer, left: SharedArrayBuffer): Promise<void> => {
    new Flag(arrived).increment();
    try {
      await from.recv({ signal: ctx.signal });
    } finally {
      new Flag(left).increment();
    }
  },
);

export const sendsBack = task(
  import.meta,
  "sendsBack",
  async (_ctx, from: Channel<unknown>, to: Channel<unknown>) => {
    for await (const value of from) await to.send(value);
  },
);

/** What is inline in a cell, in a block, and with references. */
export function unlikeValues(): unknown[] {
  const shared = { a: [1, 2, 3] };
  return [
    1,
    -1.5,
    2 ** 40,
    "short",
    "a longer text than a cell can hold",
    "ψ",
    true,
    null,
    undefined,
    12345678901234567890n,
    [1, [2, [3]]],
    { x: 1, y: { z: "ä" } },
    new Map<unknown, unknown>([["one", 1], [2, new Set([1, "two"])]]),
    new Date(0),
    new Uint8Array([1, 2, 3]),
    new Float64Array(1000).fill(0.5),
    "x".repeat(100_000),
    [shared, shared],
  ];
}

/** Each of `senders` children sends `count` ones. Returns their sum. */
export const fanIn = task(import.meta, "fanIn", async (ctx, senders: number, count: number) => {
  const ones = new Channel<number>(ctx);
  const children = Array.from({ length: senders }, () => ctx.go(sendsOnes(ones, count)));
  let sum = 0;
  for (let i = 0; i < senders * count; i++) sum += await ones.recv();
  await Promise.all(children);
  return sum;
});

const sendsOnes = task(import.meta, "sendsOnes", async (_ctx, to: Channel<number>, count: number) => {
  for (let i = 0; i < count; i++) await to.send(1);
});

/** What its own child sends and receives in continuations of the world outside, while the M sleeps and holds no P. */
export const hearsFromOutside = task(import.meta, "hearsFromOutside", async (ctx, rounds: number) => {
  const [there, back] = [new Channel<number>(ctx), new Channel<number>(ctx)];
  const child = ctx.go(answersLate(there, back, rounds));
  let sum = 0;
  for await (const n of there) {
    sum += n;
    await back.send(n);
  }
  return [sum, await child];
});

const answersLate = task(
  import.meta,
  "answersLate",
  async (_ctx, to: Channel<number>, from: Channel<number>, rounds: number) => {
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      await to.send(i);
      await new Promise((resolve) => setTimeout(resolve, 2));
      sum += await from.recv();
    }
    to.close();
    return sum;
  },
);

/**
 * A child on another thread has not ended, and this task does not wait for it: it goes through some microtasks each time
 * that it hears of it. Returns how long these took, in ms.
 */
export const goesOn = task(import.meta, "goesOn", async (ctx, rounds: number): Promise<number[]> => {
  const [there, back] = [new Channel<unknown>(ctx), new Channel<unknown>(ctx)];
  // What a locked thread starts begins on another one.
  ctx.lockOSThread();
  const child = ctx.go(sendsBack(there, back));
  const took = [];
  for (let i = 0; i < rounds; i++) {
    await there.send(i);
    await back.recv();
    if (i === 0) ctx.unlockOSThread();
    const start = performance.now();
    for (let turn = 0; turn < 100; turn++) await null;
    took.push(performance.now() - start);
  }
  there.close();
  await child;
  return took;
});

/** The first `count` primes, by a task for each. */
export const primes = task(import.meta, "primes", async (ctx, count: number): Promise<number[]> => {
  const found: number[] = [];
  const stages: Channel<number>[] = [new Channel<number>(ctx)];
  const tasks = [ctx.go(counts(stages[0]))];
  for (let i = 0; i < count; i++) {
    const prime = await stages[i].recv();
    found.push(prime);
    stages.push(new Channel<number>(ctx));
    tasks.push(ctx.go(filters(stages[i], stages[i + 1], prime)));
  }
  // From the last stage back, each task finds the channel closed that it sends to.
  stages.at(-1)!.close();
  const ended = await Promise.allSettled(tasks);
  if (ended.some(({ status }) => status !== "fulfilled")) throw new Error(JSON.stringify(ended));
  return found;
});

const counts = task(import.meta, "counts", async (_ctx, to: Channel<number>) => {
  for (let n = 2; await sent(to, n); n++);
});

const filters = task(
  import.meta,
  "filters",
  async (_ctx, from: Channel<number>, to: Channel<number>, prime: number) => {
    for await (const n of from) {
      if (n % prime !== 0 && !await sent(to, n)) break;
    }
    from.close();
  },
);

function sent(to: Channel<number>, n: number): Promise<boolean> {
  return to.send(n).then(() => true, () => false);
}

/** Two tasks and nothing but a channel between them, beside a timer of the event loop. */
export const starvesNobody = task(import.meta, "starvesNobody", async (ctx, stop: SharedArrayBuffer) => {
  const flag = new Flag(stop);
  flag.value = 1;
  let timers = 0;
  const timer = setInterval(() => timers++, 1);
  const [there, back] = [new Channel<number>(ctx), new Channel<number>(ctx)];
  const child = ctx.go(increments(there, back));
  let n = 0;
  while (flag.value === 1) {
    await there.send(n);
    n = await back.recv();
  }
  there.close();
  await child;
  clearInterval(timer);
  return [n, timers];
});

export const fillsAndCloses = task(
  import.meta,
  "fillsAndCloses",
  async (_ctx, to: Channel<number>, count: number) => {
    for (let i = 0; i < count; i++) await to.send(i);
    to.close();
  },
);

/** Gets to know what it is passed, which is in shared memory from then on. */
export const knows = task(import.meta, "knows", (_ctx, _shared: unknown): void => {});

/** Collects what nobody refers to, if V8 was started with `--expose-gc`. */
export const collects = task(import.meta, "collects", async () => {
  (globalThis as unknown as { gc(): void }).gc();
  await new Promise((resolve) => setTimeout(resolve, 5));
});

/** Waits for a value that it will not live to see. */
export const receivesAndDies = task(
  import.meta,
  "receivesAndDies",
  async (_ctx, from: Channel<unknown>, until: Channel<unknown>, arrived: SharedArrayBuffer) => {
    from.recv().catch(() => {});
    from.recv().catch(() => {});
    new Flag(arrived).value = 2;
    await until.recv();
    process.exit(3);
  },
);

let parkedHere = 0;

const waitsForEnd = task(
  import.meta,
  "waitsForEnd",
  async (_ctx, from: Channel<unknown>): Promise<number> => {
    parkedHere++;
    try {
      await from.recv();
      return 0;
    } catch {
      return 1;
    }
  },
);

/** Parks so many children, then closes their channel. Returns how many heard of it, and the heap that they took. */
export const parks = task(import.meta, "parks", async (ctx, count: number): Promise<[number, number]> => {
  const channel = new Channel<unknown>(ctx);
  const before = v8.getHeapStatistics().used_heap_size;
  const children = Array.from({ length: count }, () => ctx.go(waitsForEnd(channel)));
  while (parkedHere < count) await ctx.yield();
  const bytes = v8.getHeapStatistics().used_heap_size - before;
  channel.close();
  return [(await Promise.all(children)).reduce((a, b) => a + b), bytes];
});

/** So many values, as one side each of two channels. */
export const passesOn = task(
  import.meta,
  "passesOn",
  async (_ctx, from: ReceiveChannel<{ name: string }>, to: SendChannel<never>, count: number) => {
    for (let i = 0; i < count; i++) await to.send(await from.recv() as never);
  },
);
