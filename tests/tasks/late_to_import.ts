/** A module that is imported by threads for longer than they wait for nothing else: machine/agenda.ts, IMPORT. */
import { isMainThread } from "node:worker_threads";
import { task } from "@heddle/heddle";

if (!isMainThread) await new Promise((resolve) => setTimeout(resolve, 1300));

export const wakes = task(import.meta, "wakes", (_ctx, flag: SharedArrayBuffer) => {
  const words = new Int32Array(flag);
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  return "woke it";
});
