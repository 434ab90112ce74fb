// What the inspector's page is looked at with.
import { type Barrier, type Mutex, task } from "@heddle/heddle";

export const transfer = task(import.meta, "transfer", async (_ctx, from: Mutex, to: Mutex, both: Barrier) => {
  using _from = await from.lock();
  await both.wait();
  using _to = await to.lock();
});

export const spin = task(import.meta, "spin", (_ctx, until: Int32Array) => {
  while (Atomics.load(until, 0) === 0);
});

export const resize = task(import.meta, "resize", (_ctx, ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
});
