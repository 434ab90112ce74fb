/** Tasks that wait for descriptors. */
import process from "node:process";
import { type Channel, pollable, readable, task, writable } from "@heddle/heddle";
import { read, readAll } from "../support/descriptors.ts";
import { Flag } from "../support/flag.ts";
import { answer, listenToParentCalls, parent } from "../support/kernel_descriptors.ts";

/** Waits once, and returns how much there was. */
export const readsOnce = task(import.meta, "readsOnce", async (ctx, fd: number): Promise<number> => {
  await readable(ctx, fd, { signal: ctx.signal });
  return readAll(fd);
});

/** What it sees a descriptor become, as it waits there in both directions at once. */
export const waitsBothWays = task(
  import.meta,
  "waitsBothWays",
  async (ctx, fd: number, begun: SharedArrayBuffer): Promise<string[]> => {
    const seen: string[] = [];
    const flag = new Flag(begun);
    const see = (what: string) => () => {
      seen.push(what);
      flag.increment();
    };
    const waits = [readable(ctx, fd).then(see("readable")), writable(ctx, fd).then(see("writable"))];
    flag.increment();
    await Promise.all(waits);
    return seen;
  },
);

/** Reads to the end, with one registration. Returns how many bytes, and how often it had to wait. */
export const readsToTheEnd = task(
  import.meta,
  "readsToTheEnd",
  async (ctx, fd: number, sum: SharedArrayBuffer): Promise<{ sum: number; waits: number }> => {
    using input = pollable(ctx, fd);
    const bytes = new Uint8Array(1000);
    const flag = new Flag(sum);
    for (let waits = 0;;) {
      const count = read(input.fd, bytes);
      if (count === 0) return { sum: flag.value, waits };
      if (count > 0) {
        flag.value += count;
      } else {
        waits++;
        await input.readable({ signal: ctx.signal });
      }
    }
  },
);

/** So many waits of one thread, each of a descriptor. Returns in which order they went on. */
export const waitsForAll = task(
  import.meta,
  "waitsForAll",
  async (ctx, fds: number[], begun: SharedArrayBuffer): Promise<number[]> => {
    const order: number[] = [];
    const waits = fds.map((fd) => readable(ctx, fd).then(() => order.push(fd)));
    new Flag(begun).increment();
    await Promise.all(waits);
    return order;
  },
);

/** Closes the descriptor while others of its thread wait for it: what they, and who comes later, reject with. */
export const closesWhileOthersWait = task(
  import.meta,
  "closesWhileOthersWait",
  async (ctx, fd: number): Promise<string[]> => {
    const input = pollable(ctx, fd);
    const waits = [input.readable(), input.readable(), readable(ctx, fd)];
    await ctx.yield();
    input.close();
    input.close();
    const settled = await Promise.allSettled([...waits, input.writable(), readable(ctx, fd)]);
    return settled.map((each) =>
      each.status === "rejected" ? `${each.reason.name}: ${each.reason.message}` : ""
    );
  },
);

/** Dies while others of its thread wait. */
export const diesBesideWaits = task(
  import.meta,
  "diesBesideWaits",
  async (ctx, fds: number[]): Promise<void> => {
    for (const fd of fds) readable(ctx, fd).catch(() => {});
    await ctx.yield();
    process.exit(3);
  },
);

/** Its thread asks for its parent, which waits for an answer: the number that came. Sends where to listen, or what is below 0. */
export const asksListener = task(
  import.meta,
  "asksListener",
  async (ctx, listener: Channel<number>): Promise<number> => {
    const fd = listenToParentCalls();
    await listener.send(fd);
    return fd < 0 ? fd : ctx.blocking(parent);
  },
);

export const answersCalls = task(
  import.meta,
  "answersCalls",
  async (ctx, listener: number, value: number): Promise<void> => {
    await readable(ctx, listener, { signal: ctx.signal });
    answer(listener, value);
  },
);
