import { crowds } from "./crowded.ts";
import { memories } from "./memory.ts";
import { payloads } from "./payload.ts";
import { scalings } from "./scaling.ts";

/** Rows that are points of curves, in the order of the table: `deno task bench curves`. */
export const curves = [
  ...crowds,
  ...payloads,
  ...scalings,
  ...memories,
];
