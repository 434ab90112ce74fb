/** Tasks on a thread where some values cannot be read: there is no Date. */
import { type Channel, recv, select, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";
import { computeUntil } from "./thieves.ts";

const { Date } = globalThis;

/** Until it is called with false, whatever has a Date in it cannot be read in this isolate. */
export function breakDates(isBroken: boolean): void {
  globalThis.Date = isBroken
    ? function () {
      throw new RangeError("no dates here");
    } as unknown as DateConstructor
    : Date;
}

/** For those that come after it on its thread. */
export const breaks = task(import.meta, "breaks", (_ctx, isBroken: boolean) => breakDates(isBroken));

export const echo = task(import.meta, "echo", (_ctx, value: unknown): unknown => value);

export const throwsIt = task(import.meta, "throwsIt", (_ctx, error: unknown) => {
  throw error;
});

const outcome = (promise: PromiseLike<unknown>): PromiseLike<string> =>
  promise.then(() => "it arrived", (error) => error.message);

/** The host sends Dates: two lie in the channel, and it sends two more when it sees that this task waits. */
export const receivesDates = task(
  import.meta,
  "receivesDates",
  async (_ctx, channel: Channel<unknown>, waits: SharedArrayBuffer): Promise<string[]> => {
    const flag = new Flag(waits);
    const seen: string[] = [];
    breakDates(true);
    try {
      seen.push(await outcome(channel.recv()));
      try {
        channel.tryRecv();
      } catch (error) {
        seen.push((error as Error).message);
      }
      for (const waiting of [channel.recv(), select([recv(channel)])]) {
        flag.increment();
        seen.push(await outcome(waiting));
      }
      return seen;
    } finally {
      breakDates(false);
    }
  },
);

const makesDate = task(import.meta, "makesDate", (_ctx, ends: "by slot" | "by port" | "failed"): unknown => {
  if (ends === "failed") throw Object.assign(new Error("dated"), { at: new Date(0) });
  return [new Date(0), ends === "by port" ? new SharedArrayBuffer(8) : 0];
});

/** Children that another thread runs, and whose results cannot be read here. */
export const awaitsDatesOfThief = task(
  import.meta,
  "awaitsDatesOfThief",
  async (ctx): Promise<string[]> => {
    breakDates(true);
    try {
      const children = (["by slot", "by port", "failed"] as const).map((ends) => ctx.go(makesDate(ends)));
      const outcomes = children.map(outcome);
      computeUntil(() => children.every(({ state }) => state !== "queued"), ctx);
      return await Promise.all(outcomes);
    } finally {
      breakDates(false);
    }
  },
);

/** Says by the flag that it runs, and then what it was cancelled with. */
export const isCancelled = task(
  import.meta,
  "isCancelled",
  async (ctx, buffer: SharedArrayBuffer) => {
    const flag = new Flag(buffer);
    breakDates(true);
    const aborted = new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
    flag.value = 1;
    await aborted;
    breakDates(false);
    flag.value = ctx.signal.reason?.name === "AbortError" ? 2 : 3;
  },
);

/** A class that nobody can look into. */
export const Guarded = new Proxy(class Guarded extends Error {}, {
  get(target, key) {
    if (key === "prototype" && isGuarded) throw new Error("no look");
    return Reflect.get(target, key);
  },
});

let isGuarded = false;

export function guard(): void {
  isGuarded = true;
}

export const throwsGuarded = task(import.meta, "throwsGuarded", (_ctx, message: string) => {
  throw new Guarded(message);
});

/** A result of which nothing can be copied, by an error that is too large for the arena, or holds what is no bytes. */
export const throwsByPort = task(import.meta, "throwsByPort", (_ctx, kind: "large" | "shared"): unknown => ({
  get trap() {
    throw Object.assign(new Error(kind), {
      has: kind === "large" ? "x".repeat(2 << 20) : new SharedArrayBuffer(8),
    });
  },
}));
