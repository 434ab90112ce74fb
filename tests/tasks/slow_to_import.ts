/** A module that takes its time, and says how often it was imported: by the file that HEDDLE_TEST_IMPORTS names. */
import { task } from "@heddle/heddle";

function spin(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

const file = Deno.env.get("HEDDLE_TEST_IMPORTS");
if (file !== undefined) {
  Deno.writeTextFileSync(file, ".", { append: true });
  spin(300);
}

/** Computes for so long. */
export const spins = task(import.meta, "spins", (_ctx, ms: number): void => spin(ms));
