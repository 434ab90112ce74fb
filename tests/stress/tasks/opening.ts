/** What each thread opens for itself. Every third try fails, and some take a while. */
import { perThread, task } from "@heddle/heddle";
import { PLANNED } from "./families.ts";

let tries = 0;
let isOpening = false;
let isOpen = false;

const own = perThread(import.meta, "own", async ({ tid }) => {
  if (isOpening || isOpen) throw new Error("it is opened twice");
  isOpening = true;
  if (tries % 2 === 0) await new Promise((resolve) => setTimeout(resolve, tries % 5));
  isOpening = false;
  if (tries++ % 3 === 1) throw new RangeError(PLANNED);
  isOpen = true;
  return { tid };
}, () => {
  // Told on the console if it throws: the thread is ending.
  if (!isOpen) throw new Error("it is closed, and it was not open");
  isOpen = false;
});

/** Whether what it gets is its thread's. */
export const usesOwn = task(import.meta, "usesOwn", async (ctx, ms: number): Promise<boolean> => {
  if (ms > 0) await ctx.sleep(ms);
  const { tid } = await ctx.use(own);
  return isOpen && tid === ctx.tid && ctx.used(own).tid === tid;
});
