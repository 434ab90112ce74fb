/** For a report of coverage: of two lines, one runs. */
import { task } from "@heddle/heddle";

export const sizeOf = task(import.meta, "sizeOf", (_ctx, n: number): string => {
  if (n > 1) {
    return "large";
  }
  return "small";
});
