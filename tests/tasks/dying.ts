/** Tasks that take their thread with them. */
import process from "node:process";
import { task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";
import { note } from "./family.ts";
import { computeUntil } from "./thieves.ts";

export const exitOfNode = task(import.meta, "exitOfNode", () => process.exit(3));

export const exitOfDeno = task(import.meta, "exitOfDeno", () => Deno.exit(3));

export const exitAfterAwait = task(import.meta, "exitAfterAwait", async (ctx) => {
  await ctx.sleep(1);
  process.exit(3);
});

function fill(): never {
  const kept: number[][] = [];
  for (;;) kept.push(new Array(10_000).fill(kept.length));
}

export const fillHeap = task(import.meta, "fillHeap", () => fill());

export const fillHeapAfterAwait = task(import.meta, "fillHeapAfterAwait", async (ctx) => {
  await ctx.sleep(1);
  fill();
});

/** In a continuation of the outside, when its thread has long done nothing. */
export const fillHeapAfterRest = task(import.meta, "fillHeapAfterRest", async () => {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  fill();
});

export const throwFromTimer = task(import.meta, "throwFromTimer", async (ctx) => {
  setTimeout(() => {
    throw new Error("thrown by a timer of a task");
  }, 1);
  await ctx.sleep(60_000);
});

/** Counts itself in, and sleeps for longer than any test takes. */
export const parked = task(import.meta, "parked", async (ctx, arrived: SharedArrayBuffer) => {
  new Flag(arrived).increment();
  await ctx.sleep(600_000);
});

/** For `ms` of its own, in which others may have its P in between. */
export const exitAfterComputing = task(import.meta, "exitAfterComputing", (_ctx, ms: number) => {
  let spent = 0;
  for (let last = performance.now(), now = last; spent < ms; last = now) {
    now = performance.now();
    // Longer than that it was not running.
    if (now - last < 1) spent += now - last;
  }
  process.exit(3);
});

/** Counts itself in, and dies as it hears of its cancellation. */
export const exitWhenCancelled = task(
  import.meta,
  "exitWhenCancelled",
  async (ctx, arrived: SharedArrayBuffer) => {
    ctx.signal.addEventListener("abort", () => process.exit(3));
    new Flag(arrived).increment();
    await ctx.sleep(600_000);
  },
);

/** Starts children that leave a note, and dies without having let go of its thread. */
export const dyingParent = task(import.meta, "dyingParent", (ctx, path: string, children: number) => {
  for (let i = 0; i < children; i++) ctx.go(note(path, `${i}\n`));
  process.exit(3);
});

/** As `dyingParent`, with children whose arguments go by port. */
export const dyingParentWithPort = task(
  import.meta,
  "dyingParentWithPort",
  (ctx, counter: SharedArrayBuffer, children: number) => {
    for (let i = 0; i < children; i++) ctx.go(countIn(counter));
    process.exit(3);
  },
);

export const countIn = task(import.meta, "countIn", (_ctx, counter: SharedArrayBuffer) => {
  new Flag(counter).increment();
});

/** Has another thread run a child that dies there. Returns the error's class and message. */
export const parentOfDying = task(import.meta, "parentOfDying", async (ctx): Promise<string[]> => {
  const child = ctx.go(exitOfNode());
  computeUntil(() => child.state !== "queued", ctx);
  try {
    await child;
    return ["nothing was thrown"];
  } catch (error) {
    return [(error as Error).constructor.name, (error as Error).message];
  }
});
