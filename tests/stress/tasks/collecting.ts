/** Garbage collection on all threads. */
import { after, Channel, type Home, recv, select, task } from "@heddle/heddle";

/** An isolate knows the operation that it parked last until there is another one. */
export async function forgetLast(home: Home): Promise<void> {
  await select([recv(new Channel<never>(home)), after(0)]);
  const withdrawn = new AbortController();
  const waits = new Channel<never>(home).recv({ signal: withdrawn.signal }).catch(() => {});
  withdrawn.abort();
  await waits;
}

/** Lets the collector and what it leaves to be done have their turn, on as many threads as there are tasks. */
export const collects = task(import.meta, "collects", async (ctx, ms: number): Promise<void> => {
  await forgetLast(ctx);
  (globalThis as unknown as { gc?: () => void }).gc?.();
  for (const end = performance.now() + ms; performance.now() < end;);
  await ctx.wait(new Promise((resolve) => setTimeout(resolve, 0)));
  await ctx.wait(new Promise((resolve) => setTimeout(resolve, 0)));
});
