/** A task of a user's program. */
import { task } from "@heddle/heddle";

export const run = task(import.meta, "run", (_ctx, a: number, b: number) => a + b);
