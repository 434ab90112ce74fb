/** Tasks that wait for each other. */
import { Channel, Mutex, recv, select, task, WaitGroup } from "@heddle/heddle";

function told(error: unknown): string {
  return `${(error as Error).name}: ${(error as Error).message}`;
}

/** Receives from a channel that nobody else knows. */
export const receivesFromNobody = task(import.meta, "receivesFromNobody", async (ctx): Promise<string> => {
  return await new Channel<number>(ctx).recv().then(() => "a value", told);
});

/** Its select has no case that can ever be ready. */
export const waitsForNothing = task(import.meta, "waitsForNothing", async (): Promise<string> => {
  return await select([false, null, undefined]).then(() => "a case", told);
});

/** The classic one: two mutexes, and two children that lock them in opposite orders. */
export const embraces = task(import.meta, "embraces", async (ctx): Promise<string[]> => {
  const [one, other] = [new Mutex(ctx), new Mutex(ctx)];
  const met = new WaitGroup(ctx);
  met.add(2);
  const children = [ctx.go(locksBoth(one, other, met)), ctx.go(locksBoth(other, one, met))];
  return await Promise.all(children);
});

const locksBoth = task(
  import.meta,
  "locksBoth",
  async (_ctx, first: Mutex, second: Mutex, met: WaitGroup): Promise<string> => {
    using _first = await first.lock();
    met.done();
    await met.wait();
    try {
      using _second = await second.lock();
      return "both";
    } catch (error) {
      return told(error);
    }
  },
);

/** As long as somebody has a timer, a fetch or the like, nobody can know. */
export const isSavedLate = task(import.meta, "isSavedLate", async (ctx, ms: number): Promise<string> => {
  const channel = new Channel<string>(ctx);
  setTimeout(() => void channel.send("saved"), ms);
  return await channel.recv().catch(told);
});

export const isSavedBySleeper = task(
  import.meta,
  "isSavedBySleeper",
  async (ctx, ms: number): Promise<string> => {
    const channel = new Channel<string>(ctx);
    const child = ctx.go(sendsAfter(channel, ms));
    const result = await select([recv(channel)]).then(({ value }) => value as string, told);
    await child;
    return result;
  },
);

const sendsAfter = task(import.meta, "sendsAfter", async (ctx, channel: Channel<string>, ms: number) => {
  await ctx.sleep(ms);
  await channel.send("saved");
});

export const isSavedByChild = task(
  import.meta,
  "isSavedByChild",
  async (ctx, ms: number): Promise<string> => {
    const channel = new Channel<string>(ctx);
    const child = ctx.go(computesAndSends(channel, ms));
    ctx.go(computesAndSends(new Channel<string>(ctx, 1), 1));
    const result = await channel.recv().catch(told);
    await child;
    return result;
  },
);

const computesAndSends = task(
  import.meta,
  "computesAndSends",
  async (_ctx, channel: Channel<string>, ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
    await channel.send("saved");
  },
);

/** Waits for what the host may send. */
export const waitsForHost = task(import.meta, "waitsForHost", async (_ctx, channel: Channel<string>) => {
  return await channel.recv().catch(told);
});
