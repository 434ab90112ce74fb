/** Tasks that hang in some way, for who looks at them. */
import { Channel, type Mutex, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** Holds a mutex until it is told to let go. */
export const holds = task(
  import.meta,
  "holds",
  async (ctx, mutex: Mutex, held: SharedArrayBuffer, release: Channel<number>): Promise<number> => {
    using _guard = await mutex.lock();
    new Flag(held).value = 1;
    await release.recv();
    return ctx.tid;
  },
);

export const locks = task(import.meta, "locks", async (ctx, mutex: Mutex): Promise<number> => {
  using _guard = await mutex.lock();
  return ctx.tid;
});

/** Locks the one, waits for somebody else to have done so as well, and locks the other. */
export const locksBoth = task(
  import.meta,
  "locksBoth",
  async (_ctx, first: Mutex, second: Mutex, inside: SharedArrayBuffer): Promise<void> => {
    using _one = await first.lock();
    const flag = new Flag(inside);
    flag.increment();
    while (flag.value < 2);
    using _other = await second.lock();
  },
);

const receives = task(import.meta, "receives", (_ctx, from: Channel<number>) => from.recv());

/** So many children that wait for a value each. Returns the sum. */
export const waitsWithMany = task(
  import.meta,
  "waitsWithMany",
  async (ctx, from: Channel<number>, count: number): Promise<number> => {
    const children = Array.from({ length: count }, () => ctx.go(receives(from)));
    return (await Promise.all(children)).reduce((sum, n) => sum + n, 0);
  },
);

/** Makes a channel for `count` children, and is done with it, again and again for so long. Returns how often. */
export const churns = task(import.meta, "churns", async (ctx, count: number, ms: number): Promise<number> => {
  let rounds = 0;
  for (const end = performance.now() + ms; performance.now() < end; rounds++) {
    const channel = new Channel<number>(ctx);
    const children = Array.from({ length: count }, () => ctx.go(receives(channel)));
    for (let i = 0; i < count; i++) await channel.send(i);
    await Promise.all(children);
  }
  return rounds;
});

/** Counts until it is told to end, and lets others go on. */
export const ticks = task(
  import.meta,
  "ticks",
  async (ctx, count: SharedArrayBuffer, end: SharedArrayBuffer): Promise<void> => {
    const [counted, isOver] = [new Flag(count), new Flag(end)];
    while (isOver.value === 0) {
      counted.increment();
      await ctx.yield();
    }
  },
);
