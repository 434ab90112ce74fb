/** Tasks that keep their thread busy. */
import { task } from "@heddle/heddle";
import { nowNs } from "../support/clock.ts";
import { Flag } from "../support/flag.ts";
import type { Interval } from "../support/intervals.ts";

/** Nobody waits longer for a test that went wrong. */
const GIVE_UP = 30e9;

function spin(end: number): void {
  while (nowNs() < end);
}

/** Computes for `ms`, and says when. */
export const busy = task(import.meta, "busy", (ctx, ms: number): Interval => {
  const from = nowNs();
  spin(from + ms * 1e6);
  return { tid: ctx.tid, from, to: nowNs() };
});

/** Counts itself in at `arrived`, and computes until `leave` is set. */
export const busyUntil = task(
  import.meta,
  "busyUntil",
  (ctx, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): Interval => {
    const from = nowNs();
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    while (flag.value === 0 && nowNs() - from < GIVE_UP);
    return { tid: ctx.tid, from, to: nowNs() };
  },
);

/** Computes until it is told to yield. Returns for how long, in ms. */
export const busyUntilAsked = task(import.meta, "busyUntilAsked", (ctx): number => {
  const from = nowNs();
  while (!ctx.shouldYield && nowNs() - from < GIVE_UP);
  return (nowNs() - from) / 1e6;
});

/** Computes until it is cancelled; what its signal then says is left in a file. */
export const busyUntilCancelled = task(
  import.meta,
  "busyUntilCancelled",
  async (ctx, arrived: SharedArrayBuffer, heard: SharedArrayBuffer) => {
    new Flag(arrived).increment();
    const end = nowNs() + GIVE_UP;
    while (!ctx.signal.aborted && nowNs() < end) {
      // The slice of 10 ms is over or the task was cancelled.
      while (!ctx.shouldYield && nowNs() < end);
      // On a busy machine the cancellation may come during the yield, which rejects then.
      if (!ctx.signal.aborted) await ctx.yield().catch(() => {});
    }
    new Flag(heard).increment();
  },
);
