/** Tasks of which a trace shows something. */
import { Channel, Mutex, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

function compute(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

/** A region that computes, one that awaits, and one that fails; then a blocking call. */
export const hasRegions = task(import.meta, "hasRegions", async (ctx): Promise<unknown[]> => {
  const outcomes: unknown[] = [];
  outcomes.push(ctx.span("computes", () => {
    compute(2);
    return 1;
  }));
  outcomes.push(await ctx.span("sleeps", () => ctx.sleep(3).then(() => 2)));
  try {
    ctx.span("fails", () => {
      throw new RangeError("in a region");
    });
  } catch (error) {
    outcomes.push((error as Error).message);
  }
  outcomes.push(await ctx.span("rejects", () => Promise.reject(new RangeError("later"))).catch(String));
  ctx.blocking(() => compute(2));
  return outcomes;
});

export const hasManyRegions = task(import.meta, "hasManyRegions", (ctx, count: number): void => {
  for (let n = 0; n < count; n++) ctx.span("one of many", () => {});
});

/** A sleep of 3 ms, then a timer of 2 ms that is not the scheduler's. */
export const awaitsOutside = task(import.meta, "awaitsOutside", async (ctx): Promise<void> => {
  await ctx.sleep(3);
  await ctx.wait(new Promise((resolve) => setTimeout(resolve, 2)));
});

/** Says that it is in its region, which ends when it is told to. */
export const hasLateRegion = task(
  import.meta,
  "hasLateRegion",
  (ctx, begun: SharedArrayBuffer, go: SharedArrayBuffer): Promise<void> =>
    ctx.span("late", async () => {
      new Flag(begun).value = 1;
      for (const flag = new Flag(go); flag.value === 0;) await ctx.sleep(1);
    }),
);

export const receivesOne = task(import.meta, "receivesOne", (_ctx, from: Channel<number>) => from.recv());

export const sendsOne = task(import.meta, "sendsOne", (_ctx, to: Channel<number>, n: number) => to.send(n));

/** Passes as many values on in a channel that its thread alone knows; then it waits once for such a mutex. */
export const talksToItself = task(
  import.meta,
  "talksToItself",
  async (ctx, count: number): Promise<number> => {
    const channel = new Channel<number>(ctx);
    const receive = async () => {
      let sum = 0;
      for (let n = 0; n < count; n++) sum += await channel.recv();
      return sum;
    };
    const received = receive();
    for (let n = 0; n < count; n++) await channel.send(n);
    const mutex = new Mutex(ctx);
    const guard = await mutex.lock();
    const again = mutex.lock();
    guard[Symbol.dispose]();
    (await again)[Symbol.dispose]();
    return await received;
  },
);
