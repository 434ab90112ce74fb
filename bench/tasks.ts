/** Heddle's side of the workload: the shared functions as tasks, and the tasks that only a scheduler can run. */
import { move, task } from "@heddle/heddle";
import { residentBytes } from "./resident.ts";
import * as work from "./workload.ts";

export const noop = task(import.meta, "noop", (_ctx, n: number) => work.noop(n));
export const echo = task(import.meta, "echo", (_ctx, bytes: Uint8Array) => work.echo(bytes));
export const echoMoved = task(import.meta, "echoMoved", (_ctx, bytes: Uint8Array) => move(work.echo(bytes)));
export const spin = task(import.meta, "spin", (_ctx, seed: number) => work.spin(seed));
export const hold = task(import.meta, "hold", (_ctx, ms: number) => work.hold(ms));

export const mandelbrot = task(import.meta, "mandelbrot", (_ctx, row: number) => work.mandelbrot(row));
export const parsed = task(import.meta, "parsed", (_ctx, seed: number) => work.parsed(seed));
export const digest = task(import.meta, "digest", (_ctx, piece: number) => work.digest(piece));

/** Computes so often what `spin` does. */
export const spins = task(import.meta, "spins", (_ctx, times: number) => {
  for (let i = 0; i < times; i++) work.spin(i);
  return times;
});

/** Computes for so many milliseconds. */
export const burn = task(import.meta, "burn", (_ctx, ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end;);
  return ms;
});

const child = task(import.meta, "child", (_ctx, n: number) => n);

/** Starts `count` children, each after the one before it has answered; returns the sum of the answers. */
export const spawn = task(import.meta, "spawn", async (ctx, count: number) => {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += await ctx.go(child(i));
  return sum;
});

let asleep = 0;

const sleeper = task(import.meta, "sleeper", async (ctx) => {
  asleep++;
  await ctx.sleep(1e6);
});

/**
 * Parks `count` children and returns the resident bytes that they hold. The count of sleepers lives in this module, so
 * in one thread: the pool must have no other that could steal some.
 */
export const park = task(import.meta, "park", async (ctx, count: number) => {
  const before = residentBytes();
  const sleepers = Array.from({ length: count }, () => ctx.go(sleeper()));
  while (asleep < count) await ctx.yield();
  const grown = residentBytes() - before;
  for (const parked of sleepers) parked.cancel();
  const settled = await Promise.allSettled(sleepers);
  if (settled.some(({ status }) => status !== "rejected")) throw new Error("a parked task ended by itself");
  return grown;
});

/** The same for async functions, each of which awaits a promise that somebody may resolve: V8's own share. */
export const parkFunctions = task(import.meta, "parkFunctions", async (_ctx, count: number) => {
  const before = residentBytes();
  const resolves: (() => void)[] = [];
  const waits = async () => await new Promise<void>((resolve) => resolves.push(resolve));
  const all = Array.from({ length: count }, waits);
  const grown = residentBytes() - before;
  for (const resolve of resolves) resolve();
  await Promise.all(all);
  return grown;
});
