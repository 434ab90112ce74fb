/** Tasks about what a dedicated thread does and does not do. */
import { task } from "@heddle/heddle";
import { loadShim } from "../../ffi/shim.ts";
import { Flag } from "../support/flag.ts";
import { tidOf } from "./arithmetic.ts";

const shim = loadShim();
const libc = Deno.dlopen("libc.so.6", {
  gettid: { parameters: [], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
}).symbols;
const GIVE_UP = 20e9;

/** What the kernel says from inside of a foreign call, after each kind of await; the first is `ctx.tid`. */
export const tidsInCalls = task(import.meta, "tidsInCalls", async (ctx): Promise<number[]> => {
  const tids = [ctx.tid, libc.gettid()];
  for (
    const pause of [
      () => ctx.yield(),
      () => ctx.sleep(1),
      () => ctx.wait(new Promise<void>((resolve) => setTimeout(resolve, 1))),
      () => new Promise<void>((resolve) => setTimeout(resolve, 1)),
      () => ctx.go(tidOf()).then(() => {}),
    ]
  ) {
    await pause();
    tids.push(libc.gettid(), ctx.blocking(() => libc.gettid()));
  }
  return tids;
});

/** Makes the thread its own if told to, and waits in turns until told. Returns its thread, and how many turns it had. */
export const waitsDedicated = task(
  import.meta,
  "waitsDedicated",
  async (ctx, inTheMiddle: boolean, turns: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<number> => {
    if (inTheMiddle) ctx.dedicate();
    const [counted, flag] = [new Flag(turns), new Flag(leave)];
    for (const end = shim.nowNs() + GIVE_UP; flag.value === 0 && shim.nowNs() < end; counted.increment()) {
      await ctx.sleep(0.1);
      await ctx.yield();
    }
    if (inTheMiddle) ctx.undedicate();
    return libc.gettid();
  },
);

/** Waits for its cancellation, and says so. */
export const hearsCancellation = task(
  import.meta,
  "hearsCancellation",
  async (ctx, arrived: SharedArrayBuffer, heard: SharedArrayBuffer): Promise<void> => {
    new Flag(arrived).increment();
    await ctx.sleep(600_000).catch(() => {});
    new Flag(heard).increment();
  },
);

/** Blocks `times` for `us` microseconds, counting, or until told. */
export const blocksOften = task(
  import.meta,
  "blocksOften",
  (ctx, us: number, calls: SharedArrayBuffer, leave: SharedArrayBuffer): void => {
    const [counted, flag] = [new Flag(calls), new Flag(leave)];
    for (const end = shim.nowNs() + GIVE_UP; flag.value === 0 && shim.nowNs() < end; counted.increment()) {
      ctx.blocking(() => libc.usleep(us));
    }
  },
);

/** Blocks in a plain read of a pipe. */
export const blocksPlainly = task(
  import.meta,
  "blocksPlainly",
  (_ctx, fd: number, arrived: SharedArrayBuffer): void => {
    new Flag(arrived).increment();
    libc.read(fd, new Uint8Array(1), 1n);
  },
);

/** Starts children, says so, and computes until told. Returns its thread and theirs. */
export const computesBesideChildren = task(
  import.meta,
  "computesBesideChildren",
  async (ctx, count: number, arrived: SharedArrayBuffer, leave: SharedArrayBuffer) => {
    const children = Array.from({ length: count }, () => ctx.go(tidOf()));
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    for (const end = shim.nowNs() + GIVE_UP; flag.value === 0 && shim.nowNs() < end;);
    return { own: libc.gettid(), theirs: await Promise.all(children) };
  },
);

const takesTurns = task(
  import.meta,
  "takesTurns",
  async (ctx, begun: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<number[]> => {
    const flag = new Flag(leave);
    const tids = [libc.gettid()];
    new Flag(begun).increment();
    for (const end = shim.nowNs() + GIVE_UP; flag.value === 0 && shim.nowNs() < end;) await ctx.yield();
    return [...tids, libc.gettid()];
  },
);

/** Two tasks of one thread: one begins there, then the other makes the thread its own. Returns the threads that they saw. */
export const dedicatesBesideAnother = task(
  import.meta,
  "dedicatesBesideAnother",
  async (ctx): Promise<{ own: number; theirs: number[] }> => {
    const [begun, leave] = [new Flag(), new Flag()];
    const other = ctx.go(takesTurns(begun.buffer, leave.buffer));
    while (begun.value === 0) await ctx.yield();
    ctx.dedicate();
    for (let turn = 0; turn < 10; turn++) await ctx.yield();
    leave.value = 1;
    const theirs = await other;
    ctx.undedicate();
    return { own: libc.gettid(), theirs };
  },
);

/** Locks and dedicates its thread, and takes one of both back at a time. Each step waits until told. */
export const locksAndDedicates = task(
  import.meta,
  "locksAndDedicates",
  async (ctx, step: SharedArrayBuffer, told: SharedArrayBuffer): Promise<void> => {
    const [at, go] = [new Flag(step), new Flag(told)];
    const steps = [
      () => ctx.lockOSThread(),
      () => ctx.dedicate(),
      () => ctx.unlockOSThread(),
      () => ctx.lockOSThread(),
      () => ctx.undedicate(),
      () => ctx.unlockOSThread(),
    ];
    for (const [i, change] of steps.entries()) {
      change();
      at.value = i + 1;
      for (const end = shim.nowNs() + GIVE_UP; go.value <= i && shim.nowNs() < end;) await ctx.sleep(0.2);
    }
  },
);
