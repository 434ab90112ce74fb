/** A server that answers one question at a time, and tasks that ask it. */
import { Channel, task, type TaskContext } from "@heddle/heddle";
import { loadShim } from "../ffi/shim.ts";

const shim = loadShim();

export type Place = "pool" | "blocking" | "locked" | "dedicated";

/** Serves where it is to be. `ready` says that it is there. */
export async function serveAt(
  ctx: TaskContext,
  place: Place,
  ready: Channel<number>,
  serve: () => Promise<void>,
): Promise<void> {
  if (place === "locked") ctx.lockOSThread();
  if (place === "dedicated") ctx.dedicate();
  await ready.send(ctx.tid);
  await serve();
  if (place === "locked") ctx.unlockOSThread();
  if (place === "dedicated") ctx.undedicate();
}

/** Answers each number with the next one, until there are no more. */
async function answer(questions: Channel<number>, replies: Channel<number>): Promise<void> {
  for await (const n of questions) await replies.send(n + 1);
}

export const answers = task(
  import.meta,
  "answers",
  (ctx, place: Place, ready: Channel<number>, questions: Channel<number>, replies: Channel<number>) =>
    serveAt(ctx, place, ready, () => answer(questions, replies)),
);

/** Asks as often, and returns the microseconds that a question took. */
async function ask(times: number, questions: Channel<number>, replies: Channel<number>): Promise<number> {
  const start = shim.nowNs();
  let n = 0;
  for (let i = 0; i < times; i++) {
    await questions.send(n);
    n = await replies.recv();
  }
  const elapsed = shim.nowNs() - start;
  if (n !== times) throw new Error(`${times} questions were answered up to ${n}`);
  return elapsed / 1000 / times;
}

export const asks = task(
  import.meta,
  "asks",
  (_ctx, times: number, questions: Channel<number>, replies: Channel<number>) =>
    ask(times, questions, replies),
);

/** Of the tasks of one thread. */
let here: { questions: Channel<number>; replies: Channel<number> };

export const opensHere = task(import.meta, "opensHere", (ctx): void => {
  here = { questions: new Channel(ctx), replies: new Channel(ctx) };
});

/** As `answers`, for tasks of the same thread, which find the channels in the state of this module. */
export const answersHere = task(
  import.meta,
  "answersHere",
  () => answer(here.questions, here.replies),
);

export const asksHere = task(import.meta, "asksHere", async (_ctx, times: number): Promise<number> => {
  const us = await ask(times, here.questions, here.replies);
  here.questions.close();
  return us;
});

/** Replies to the time at which it was woken with how long that took, in microseconds. */
export const wakes = task(
  import.meta,
  "wakes",
  (ctx, place: Place, ready: Channel<number>, calls: Channel<number>, replies: Channel<number>) =>
    serveAt(ctx, place, ready, async () => {
      for await (const sent of calls) await replies.send((shim.nowNs() - sent) / 1000);
    }),
);

/** Computes until told, and lets others have their turn every millisecond. */
export const computes = task(import.meta, "computes", async (ctx, stop: SharedArrayBuffer): Promise<void> => {
  const words = new Int32Array(stop);
  while (Atomics.load(words, 0) === 0) {
    for (const end = shim.nowNs() + 1e6; shim.nowNs() < end;);
    await ctx.yield();
  }
});
