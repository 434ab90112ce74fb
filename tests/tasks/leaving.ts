/** Tasks that end while something of theirs is still under way. */
import { task } from "@heddle/heddle";

/** A result that goes by port. */
export const large = task(import.meta, "large", (_ctx, length: number) => "x".repeat(length));

const count = task(import.meta, "count", (_ctx, counter: SharedArrayBuffer) => {
  Atomics.add(new Int32Array(counter), 0, 1);
});

/** Ends without waiting for the children that it starts. */
export const orphans = task(import.meta, "orphans", (ctx, children: number, counter: SharedArrayBuffer) => {
  for (let i = 0; i < children; i++) ctx.go(count(counter));
});

/** Computes after a plain await, so without a P. */
export const computeLate = task(
  import.meta,
  "computeLate",
  async (_ctx, started: SharedArrayBuffer, stop: SharedArrayBuffer) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    Atomics.store(new Int32Array(started), 0, 1);
    const until = performance.now() + 20_000;
    while (Atomics.load(new Int32Array(stop), 0) === 0 && performance.now() < until);
    return performance.now() < until;
  },
);
