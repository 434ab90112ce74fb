/** Tasks that report how far they are. */
import process from "node:process";
import { Channel, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** All at once. */
export const counts = task(import.meta, "counts", (ctx, to: number): string => {
  for (let at = 1; at <= to; at++) ctx.report({ at, of: [to] });
  return "all";
});

/** The list, one at a time: the next once the last was read, which its reader says. Then what becomes of it. */
export const steps = task(
  import.meta,
  "steps",
  async (ctx, list: unknown[], read: SharedArrayBuffer, end: "ends" | "fails" | "dies" | "waits") => {
    for (const [i, value] of list.entries()) {
      ctx.report(value);
      while (new Flag(read).value <= i) await ctx.sleep(1);
    }
    if (end === "fails") throw new RangeError("it failed");
    if (end === "dies") process.exit(3);
    if (end === "waits") await ctx.sleep(600_000);
  },
);

/** What a parent hears of a child, here or elsewhere, and what the child returned. */
export const hears = task(import.meta, "hears", async (ctx, to: number, isElsewhere: boolean) => {
  if (isElsewhere) ctx.dedicate();
  const child = ctx.go(counts(to));
  const heard: number[] = [];
  for await (const value of child.progress) heard.push((value as { at: number }).at);
  const result = await child;
  if (isElsewhere) ctx.undedicate();
  return { heard, result };
});

/** What is refused, as a private child and as one of the host. */
export const reportsWrongly = task(import.meta, "reportsWrongly", async (ctx, what: string) => {
  const wrong: Record<string, unknown> = {
    function: () => {},
    channel: new Channel(ctx, 1),
    shared: new SharedArrayBuffer(1),
  };
  await ctx.yield();
  ctx.report(wrong[what]);
});

/** Reports when it is over. */
export const reportsLate = task(import.meta, "reportsLate", async (ctx): Promise<string> => {
  const ended = Promise.withResolvers<string>();
  await ctx.go(leaves());
  setTimeout(() => {
    try {
      left!();
      ended.resolve("nothing was thrown");
    } catch (error) {
      ended.resolve(String(error));
    }
  });
  return await ended.promise;
});

let left: (() => void) | undefined;
const leaves = task(import.meta, "leaves", (ctx) => {
  left = () => ctx.report("late");
});

/** One that yields, and says beside that how far it is. */
export const yieldsToo = task(import.meta, "yieldsToo", function* (ctx, to: number) {
  for (let at = 1; at <= to; at++) {
    ctx.report(at / to);
    yield at;
  }
});
