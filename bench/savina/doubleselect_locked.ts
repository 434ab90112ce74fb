/** As doubleselect.ts, with the receiver's thread locked. */
import { task } from "@heddle/heddle";
import { receiveOnce } from "./doubleselect.ts";

export const run = task(import.meta, "run", async (ctx, count: number): Promise<number> => {
  ctx.lockOSThread();
  const once = await receiveOnce(ctx, count);
  ctx.unlockOSThread();
  return once;
});
