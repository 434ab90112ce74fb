/** What tasks do to their thread, and see of it. */
import { task } from "@heddle/heddle";
import { threadName, threadNice, threadStatus } from "../../support/os_threads.ts";

export interface Looks {
  readonly name: string;
  readonly nice: number;
  readonly cpus: string;
}

export const looksAtItself = task(import.meta, "looksAtItself", ({ tid }): Looks => ({
  name: threadName(tid),
  nice: threadNice(tid),
  cpus: threadStatus(tid, "Cpus_allowed_list"),
}));

/** Fills the heap of its thread, of which that dies. */
export const fillsHeap = task(import.meta, "fillsHeap", async (ctx): Promise<void> => {
  const hoard: unknown[] = [];
  for (;;) {
    for (let i = 0; i < 20_000; i++) hoard.push({ i, of: [i] });
    await ctx.yield();
  }
});
