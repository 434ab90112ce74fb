/** Tasks that lock their thread, or make it their own in the middle. */
import { task } from "@heddle/heddle";
import { loadShim } from "../../ffi/shim.ts";
import { Flag } from "../support/flag.ts";

const shim = loadShim();
const GIVE_UP = 20e9;

function spinUntil(holds: () => boolean): void {
  for (const end = shim.nowNs() + GIVE_UP; !holds() && shim.nowNs() < end;);
}

export const tidOf = task(import.meta, "tidOf", (ctx): number => ctx.tid);

/** Locks `times`, awaits until told, unlocks `unlocks` times, and ends. Returns its thread before and after. */
export const locks = task(
  import.meta,
  "locks",
  async (ctx, times: number, unlocks: number, arrived: SharedArrayBuffer, leave: SharedArrayBuffer) => {
    for (let i = 0; i < times; i++) ctx.lockOSThread();
    const before = shim.gettid();
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    while (flag.value === 0) await ctx.sleep(1);
    for (let i = 0; i < unlocks; i++) ctx.unlockOSThread();
    await ctx.yield();
    return [before, shim.gettid()];
  },
);

/** Starts children while it has its thread locked, or dedicated. Returns its thread and theirs. */
export const locksBesideChildren = task(
  import.meta,
  "locksBesideChildren",
  async (ctx, how: "lock" | "dedicate", count: number): Promise<[number, number[]]> => {
    if (how === "lock") ctx.lockOSThread();
    else ctx.dedicate();
    const tids = await Promise.all(Array.from({ length: count }, () => ctx.go(tidOf())));
    if (how === "lock") ctx.unlockOSThread();
    else ctx.undedicate();
    return [ctx.tid, tids];
  },
);

/** `dedicate()` as often as `times`, computing until told; then `undedicate()` as often. Returns its thread over time. */
export const dedicatesAndComputes = task(
  import.meta,
  "dedicatesAndComputes",
  async (ctx, times: number, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<number[]> => {
    const tids = [shim.gettid()];
    for (let i = 0; i < times; i++) ctx.dedicate();
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    spinUntil(() => flag.value !== 0);
    tids.push(shim.gettid());
    for (let i = 0; i < times; i++) ctx.undedicate();
    tids.push(shim.gettid());
    await ctx.yield();
    tids.push(shim.gettid());
    return tids;
  },
);

/** Dedicates its thread and ends, or goes on until told. */
export const endsDedicated = task(
  import.meta,
  "endsDedicated",
  async (ctx, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<number> => {
    ctx.dedicate();
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    while (flag.value === 0) await ctx.sleep(1);
    return ctx.tid;
  },
);

/** Two tasks of one thread: the first locks it, the second tries to unlock it. Returns what that was told. */
export const unlocksOfAnother = task(import.meta, "unlocksOfAnother", async (ctx): Promise<string> => {
  let told = "";
  try {
    ctx.unlockOSThread();
    told = "nothing";
  } catch (error) {
    told = (error as Error).message;
  }
  await ctx.yield();
  return told;
});

export const locksUntil = task(
  import.meta,
  "locksUntil",
  async (ctx, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<void> => {
    ctx.lockOSThread();
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    while (flag.value === 0) await ctx.sleep(1);
    ctx.unlockOSThread();
  },
);

/** What the wrong uses throw. */
export const misuses = task(import.meta, "misuses", (ctx): string[] => {
  const told: string[] = [];
  for (
    const misuse of [
      () => ctx.undedicate(),
      () => ctx.unlockOSThread(),
      () => ctx.blocking(() => ctx.dedicate()),
      () => {
        ctx.dedicate();
        ctx.undedicate();
        ctx.undedicate();
      },
    ]
  ) {
    try {
      misuse();
      told.push("nothing");
    } catch (error) {
      told.push((error as Error).message);
    }
  }
  return told;
});

let visits = 0;

/** Counts in a variable of its module, before and after an await. */
export const visit = task(import.meta, "visit", async (ctx): Promise<[number, number, number]> => {
  const mine = ++visits;
  await ctx.yield();
  return [mine, visits, shim.gettid()];
});

export const throwsError = task(import.meta, "throwsError", (): never => {
  throw new RangeError("on purpose");
});

/** Ends its thread. */
export const exits = task(import.meta, "exits", (): never => Deno.exit(4));

/** Waits in the kernel for a word to change; then says when it went on, by the shim's clock. */
export const spinsOn = task(
  import.meta,
  "spinsOn",
  (_ctx, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): void => {
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    spinUntil(() => flag.value !== 0);
  },
);

let afterTheEnd: string[] = [];

/** Ends, and uses its context afterwards. */
export const usesItsContextLater = task(import.meta, "usesItsContextLater", (ctx) => {
  afterTheEnd = [];
  const uses = [ctx.lockOSThread, ctx.unlockOSThread, ctx.dedicate, ctx.undedicate];
  setTimeout(() => {
    for (const use of uses) {
      try {
        use.call(ctx);
        afterTheEnd.push("nothing");
      } catch (error) {
        afterTheEnd.push((error as Error).message);
      }
    }
  });
});

export const whatCameOfThat = task(import.meta, "whatCameOfThat", async (ctx): Promise<string[]> => {
  while (afterTheEnd.length < 4) await ctx.sleep(1);
  return afterTheEnd;
});
