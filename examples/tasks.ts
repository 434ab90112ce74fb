/** Small tasks that the documentation's examples start. */
import { type Channel, perThread, task } from "@heddle/heddle";

/** The sum of the integers from `from` up to, but not including, `to`. */
export const sum = task(import.meta, "sum", (_ctx, from: number, to: number) => {
  let total = 0;
  for (let n = from; n < to; n++) total += n;
  return total;
});

export const byteSum = task(import.meta, "byteSum", (_ctx, bytes: Uint8Array) => {
  return bytes.reduce((a, b) => a + b, 0);
});

/** What the kernel calls the thread that runs this. */
export const threadName = task(import.meta, "threadName", (ctx) => {
  return Deno.readTextFileSync(`/proc/self/task/${ctx.tid}/comm`).trim();
});

/** The sum of the integers from `from` up to `to`, by so many children. */
export const sumInParts = task(import.meta, "sumInParts", (ctx, from: number, to: number, parts: number) => {
  return ctx.scope(async (scope) => {
    const size = Math.ceil((to - from) / parts);
    const starts = Array.from({ length: parts }, (_, i) => from + i * size);
    const sums = await Promise.all(starts.map((at) => scope.go(sum(at, Math.min(at + size, to)))));
    return sums.reduce((a, b) => a + b);
  });
});

/** Fails before the third attempt. */
export const unreliable = task(import.meta, "unreliable", (_ctx, attempt: number): number => {
  if (attempt < 3) throw new Error("not yet");
  return attempt;
});

/** Attempts with a deadline each, and one for all. */
export const retries = task(import.meta, "retries", (ctx) => {
  return ctx.scope(async (scope) => {
    for (let attempt = 1;; attempt++) {
      try {
        return await scope.scope((one) => one.go(unreliable(attempt)), { timeout: 1000 });
      } catch {
        await scope.sleep(2 ** attempt);
      }
    }
  }, { timeout: 10_000 });
});

/** Sends the squares of 0 to `count` - 1, and closes the channel. */
export const squares = task(import.meta, "squares", async (_ctx, to: Channel<number>, count: number) => {
  for (let n = 0; n < count; n++) await to.send(n * n);
  to.close();
});

/** Each thread has its own. */
export const words = perThread(import.meta, "words", async () => {
  const list = await new Response("warp weft heddle").text();
  return new Set(list.split(" "));
}, (set) => set.clear());

export const knows = task(import.meta, "knows", async (ctx, word: string) => {
  const set = await ctx.use(words);
  return set.has(word);
});

/** The sums of the integers from there on, without end. */
export const triangular = task(import.meta, "triangular", function* (_ctx, from: number) {
  for (let n = from, sum = 0;; n++) yield sum += n;
});

/** Says how far it is. */
export const countTo = task(import.meta, "countTo", (ctx, end: number) => {
  for (let n = 1; n <= end; n++) ctx.report(n / end);
  return end;
});

export const square = task(import.meta, "square", (_ctx, n: number) => n * n);

/** A stage of a pipeline. */
export const doubling = task(
  import.meta,
  "doubling",
  async (_ctx, from: Channel<number>, to: Channel<number>) => {
    for await (const n of from) await to.send(2 * n);
  },
);
