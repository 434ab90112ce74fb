/** Tasks that make system calls. A module of its own: threads load it for the rows that need it, and no others. */
import { task } from "@heddle/heddle";
import { loadShim } from "../ffi/shim.ts";
import { libc, Pipe, requireOne } from "./pipe.ts";
import { median } from "./rounds.ts";
import * as work from "./workload.ts";

const shim = loadShim();
/** Longer than the one byte that is sent: V8 keeps arrays of up to 64 bytes where they can move. */
const bytes = new Uint8Array(128);

export const block = task(import.meta, "block", (ctx, ms: number) => ctx.blocking(() => work.hold(ms)));

/** `count` calls that do not block. */
export const getppid = task(import.meta, "getppid", (ctx, count: number): number => {
  const parent = libc.getppid();
  const call = () => libc.getppid();
  let answers = 0;
  for (let i = 0; i < count; i++) if (ctx.blocking(call) === parent) answers++;
  return answers;
});

const pong = task(import.meta, "pong", (ctx, reader: number, writer: number, trips: number): void => {
  const read = () => libc.read(reader, bytes, 1);
  const write = () => libc.write(writer, bytes, 1);
  for (let i = 0; i < trips; i++) {
    requireOne(ctx.blocking(read));
    requireOne(ctx.blocking(write));
  }
});

/** A byte goes to another task and comes back, `trips` times. Returns the microseconds that one takes. */
export const pipePingPong = task(import.meta, "pipePingPong", async (ctx, trips: number): Promise<number> => {
  using there = new Pipe();
  using back = new Pipe();
  const other = ctx.go(pong(there.reader, back.writer, trips + 1));
  const write = () => libc.write(there.writer, bytes, 1);
  const read = () => libc.read(back.reader, bytes, 1);
  let start = 0;
  for (let i = 0; i <= trips; i++) {
    requireOne(ctx.blocking(write));
    requireOne(ctx.blocking(read));
    if (i === 0) start = shim.nowNs(); // the other task has a thread
  }
  const elapsed = shim.nowNs() - start;
  await other;
  return elapsed / 1000 / trips;
});

/** Multiples of it, without their integer part, are spread evenly. */
const golden = (Math.sqrt(5) - 1) / 2;

const answer = task(import.meta, "answer", (_ctx, writer: number): number => {
  const start = shim.nowNs();
  requireOne(libc.write(writer, bytes, 1));
  return start;
});

/**
 * Starts a child and blocks until it has run, `tries` times. Returns the microseconds until it runs, the median. For 10 to
 * 30 ms before each time nothing blocks: no watchdog expects the call, or is in step with it.
 */
export const retake = task(import.meta, "retake", async (ctx, tries: number): Promise<number> => {
  using pipe = new Pipe();
  const read = () => libc.read(pipe.reader, bytes, 1);
  const delays: number[] = [];
  for (let i = 0; i < tries; i++) {
    for (const end = shim.nowNs() + (10 + 20 * (i * golden % 1)) * 1e6; shim.nowNs() < end;);
    const child = ctx.go(answer(pipe.writer));
    const start = shim.nowNs();
    requireOne(ctx.blocking(read));
    delays.push((await child - start) / 1000);
  }
  return median(delays);
});
