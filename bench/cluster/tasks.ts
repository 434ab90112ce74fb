/** The same as burn.cjs, as a task. */
import { task } from "@heddle/heddle";

export const burn = task(import.meta, "burn", (_ctx, ms: number) => {
  const end = performance.now() + ms;
  let turns = 0;
  while (performance.now() < end) turns++;
  return turns > 0;
});
