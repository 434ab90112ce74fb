/** Tasks that have signals among their arguments. */
import process from "node:process";
import { getEventListeners } from "node:events";
import { Channel, SchedulerClosedError, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

interface Options {
  readonly signal: AbortSignal;
}

/** The reason that it hears, by its listener; says that it listens. */
export const hearsBy = task(
  import.meta,
  "hearsBy",
  async (ctx, signal: AbortSignal, arrived: SharedArrayBuffer): Promise<unknown> => {
    const heard = Promise.withResolvers<unknown>();
    signal.addEventListener("abort", () => heard.resolve(signal.reason));
    if (signal.aborted) heard.resolve(signal.reason);
    new Flag(arrived).increment();
    return await ctx.wait(heard.promise);
  },
);

/** The same of one that lies deeper, by what the platform and Heddle make of it. */
export const hearsDeep = task(
  import.meta,
  "hearsDeep",
  async (ctx, { signal }: Options, again: AbortSignal) => {
    const channel = new Channel<void>(ctx);
    const all = await Promise.allSettled([
      channel.recv({ signal }),
      ctx.go(waits(signal)),
      ctx.go(waits(AbortSignal.any([signal]))),
    ]);
    const told = all.map((one) => one.status === "rejected" ? String(one.reason) : "nothing");
    return [...told, signal === again, signal instanceof AbortSignal];
  },
);

const waits = task(import.meta, "waits", async (ctx, signal: AbortSignal) => {
  await ctx.scope((scope) => scope.sleep(600_000), { signal });
});

/** Computes until it sees that its argument is aborted. */
export const looksAt = task(
  import.meta,
  "looksAt",
  async (ctx, given: AbortSignal | undefined, arrived: SharedArrayBuffer, after: number | undefined) => {
    // Not by ctx.wait(), which would see to it that the task goes on with a P.
    if (after !== undefined) await new Promise((resolve) => setTimeout(resolve, after));
    new Flag(arrived).increment();
    const end = performance.now() + 20_000;
    const signal = given ?? ctx.signal;
    while (!signal.aborted) if (performance.now() > end) return "it never heard";
    // Nobody reads its result.
    if (signal.reason instanceof SchedulerClosedError) new Flag(arrived).increment();
    return signal.reason;
  },
);

/** Computes until it is told to, without a look at its mail, and waits then for what never comes. */
export const waitsAfter = task(
  import.meta,
  "waitsAfter",
  async (ctx, _signal: AbortSignal, arrived: SharedArrayBuffer, goOn: SharedArrayBuffer): Promise<void> => {
    new Flag(arrived).increment();
    for (const end = performance.now() + 20_000; new Flag(goOn).value === 0 && performance.now() < end;);
    await ctx.wait(new Promise<void>(() => {}));
  },
);

/** A task's own signal, given to a child elsewhere. What the child has heard when this one is aborted, and the listeners left. */
export const parentOfHearing = task(
  import.meta,
  "parentOfHearing",
  async (ctx, arrived: SharedArrayBuffer) => {
    const controller = new AbortController();
    const { signal } = controller;
    ctx.dedicate();
    const child = ctx.go(hearsBy(signal, arrived));
    const deadline = performance.now() + 20_000;
    while (new Flag(arrived).value === 0 && performance.now() < deadline) await ctx.sleep(1);
    const most = getEventListeners(signal, "abort").length;
    controller.abort({ why: "the parent" });
    const heard = await child;
    await ctx.go(hearsBy(AbortSignal.abort("before"), arrived));
    const other = new AbortController();
    await ctx.go(ends(other.signal));
    ctx.undedicate();
    return [heard, most, getEventListeners(other.signal, "abort").length];
  },
);

export const ends = task(import.meta, "ends", (_ctx, ..._signals: AbortSignal[]) => {});

export const returnsSignal = task(
  import.meta,
  "returnsSignal",
  (_ctx, signal: AbortSignal) => signal as unknown,
);

export const sendsSignal = task(import.meta, "sendsSignal", async (ctx, signal: AbortSignal) => {
  await new Channel<unknown>(ctx, 1).send(signal);
});

export const dies = task(import.meta, "dies", (_ctx, _signal: AbortSignal) => process.exit(3));

/** Has its argument be an object whose getter starts another task with a signal in the middle. */
export const throwsInside = task(import.meta, "throwsInside", (ctx, signal: AbortSignal): string => {
  try {
    ctx.go(ends(signal, (() => {}) as never));
    return "nothing was thrown";
  } catch (error) {
    return `${error} ${getEventListeners(signal, "abort").length}`;
  }
});
