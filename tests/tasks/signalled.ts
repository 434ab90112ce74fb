/** Tasks that look at their signals. */
import { getEventListeners } from "node:events";
import { Channel, Mutex, onAbort, recv, select, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** Ways to hear of a cancellation without an await. */
export const ways: Record<string, (signal: AbortSignal) => boolean> = {
  aborted: (signal) => signal.aborted,
  throwIfAborted: (signal) => {
    try {
      signal.throwIfAborted();
      return false;
    } catch (error) {
      return error === signal.reason;
    }
  },
};

/** Computes until it sees that it was cancelled. */
export const looks = task(
  import.meta,
  "looks",
  (ctx, way: string, arrived: SharedArrayBuffer, heard: SharedArrayBuffer) => {
    const { signal } = ctx;
    let listened = 0;
    signal.addEventListener("abort", () => listened++);
    const any = AbortSignal.any([signal]);
    new Flag(arrived).increment();
    const end = performance.now() + 20_000;
    while (!ways[way](signal)) if (performance.now() > end) return;
    const isReal = signal instanceof AbortSignal && any.aborted && any.reason === signal.reason &&
      listened === 1;
    if (isReal && signal.reason === "enough") new Flag(heard).increment();
  },
);

/** Listeners that a signal has at the most, and in the end, if a hundred children and operations follow it. */
export const follows = task(import.meta, "follows", async (ctx): Promise<[most: number, left: number]> => {
  const { signal, abort } = controlled();
  let most = 0;
  const look = () => most = Math.max(most, getEventListeners(signal, "abort").length);
  const children = Array.from({ length: 100 }, () => ctx.go(quick(), { signal }));
  look();
  await Promise.all(children);
  const scopes = Array.from(
    { length: 10 },
    () => ctx.scope((scope) => void scope.go(quick(), { signal }), { signal }),
  );
  look();
  await Promise.all(scopes);
  if (getEventListeners(signal, "abort").length > 0) return [most, -1];
  const [channel, mutex] = [new Channel<number>(ctx), new Mutex(ctx)];
  await mutex.lock();
  const waiting = [
    ...Array.from({ length: 100 }, () => channel.recv({ signal })),
    ...Array.from({ length: 100 }, () => mutex.lock({ signal })),
    ...Array.from({ length: 100 }, () => select([recv(channel), onAbort(signal)])),
    ...Array.from({ length: 100 }, () => ctx.go(sleeps(), { signal })),
  ];
  look();
  abort("all of them");
  const outcomes = await Promise.all(
    waiting.map((each) => each.then((value) => (value as { value: unknown }).value, (reason) => reason)),
  );
  if (!outcomes.every((outcome) => outcome === "all of them")) return [most, -2];
  return [most, getEventListeners(signal, "abort").length];
});

function controlled(): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

const quick = task(import.meta, "quick", () => {});
const sleeps = task(import.meta, "sleeps", async (ctx) => await ctx.sleep(600_000));
