/** A task of a module that takes a moment to import, and counts its calls. */
import { task } from "@heddle/heddle";

for (const end = performance.now() + 30; performance.now() < end;);

let calls = 0;
export const nth = task(import.meta, "nth", () => ++calls);
