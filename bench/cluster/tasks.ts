/** The same as burn.cjs, as a task. */
import { task } from "@heddle/heddle";

export const burn = task(import.meta, "burn", (_ctx, ms: number) => {
  let x = 1;
  for (let turns = ms * 1_000_000; turns > 0; turns--) x = Math.imul(x, 1664525) + 1013904223 | 0;
  return x !== 0;
});
