/**
 * The work itself: every contender runs these functions and no others, so a difference in time is never a difference
 * in work. For piscina and tinypool this module is the worker file as well; hence one number in and one out.
 */

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import process from "node:process";

/** The trivial task: what is measured is everything around it. */
export function noop(n: number): number {
  return n;
}

/** The same for what is large. */
export function echo(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/**
 * A task of pure arithmetic (xorshift), about 5 ms: 3,000,000 steps of 1.65 ns on a 2023 server core. It allocates
 * nothing, so that threads share neither a heap nor memory bandwidth and only the pool can keep two of them from
 * being twice as fast as one.
 */
export function spin(seed: number, steps = 3_000_000): number {
  let x = seed | 1;
  for (let step = 0; step < steps; step++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}

/** One of 64 rows of a picture of the Mandelbrot set, 2,048 points wide: how many steps all its points took. Rows differ. */
export function mandelbrot(row: number): number {
  const [width, rows, most] = [2048, 64, 800];
  const ci = row * 2.5 / rows - 1.25;
  let steps = 0;
  for (let column = 0; column < width; column++) {
    const cr = column * 3 / width - 2.2;
    for (let i = 0, x = 0, y = 0; i < most && x * x + y * y < 4; i++, steps++) {
      [x, y] = [x * x - y * y + cr, 2 * x * y + ci];
    }
  }
  return steps;
}

let json: string | undefined;

/** Parses a document of 1 MB, which each thread makes for itself. */
export function parsed(seed: number): number {
  json ??= JSON.stringify(Array.from({ length: 9_000 }, (_, id) => {
    return {
      id,
      name: `name of ${id}`,
      tags: ["one", "two", `${id}`],
      point: { x: id / 3, y: -id },
      isOpen: true,
    };
  }));
  return JSON.parse(json)[seed].point.x * 3;
}

/** SHA-256 of a megabyte of a real file, the runtime's own: the first bytes of the digest. */
export function digest(piece: number): number {
  const length = 1 << 20;
  const file = openSync(process.execPath, "r");
  try {
    const bytes = new Uint8Array(length);
    readSync(file, bytes, 0, length, piece * length);
    return createHash("sha256").update(bytes).digest().readUInt32BE();
  } finally {
    closeSync(file);
  }
}

/** Blocks its thread for `ms` without using CPU, and says which thread that was (the kernel's id). */
export function hold(ms: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return Number(Deno.readLinkSync("/proc/thread-self").split("/").at(-1));
}
