import { task } from "@heddle/heddle";

/** There is a task of this name in arithmetic.ts too. */
export const nothing = task(import.meta, "nothing", () => "the namesake");
