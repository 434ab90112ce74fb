/** Small tasks that the documentation's examples start. */
import { task } from "@heddle/heddle";

/** The sum of the integers from `from` up to, but not including, `to`. */
export const sum = task(import.meta, "sum", (_ctx, from: number, to: number) => {
  let total = 0;
  for (let n = from; n < to; n++) total += n;
  return total;
});

/** What the kernel calls the thread that runs this. */
export const threadName = task(import.meta, "threadName", (ctx) => {
  return Deno.readTextFileSync(`/proc/self/task/${ctx.tid}/comm`).trim();
});
