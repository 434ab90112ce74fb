/** Tasks that compute for a moment. */
import { type Channel, task } from "@heddle/heddle";

/** For so many microseconds; not at all once that channel is closed. Returns how many have computed. */
export const takes = task(import.meta, "takes", (_ctx, us: number, over?: Channel<never>): number => {
  if (over?.closed) return 0;
  for (const end = performance.now() + us / 1000; performance.now() < end;);
  return 1;
});
