/** The record of a P. */
import { LINE } from "./header.ts";

/** The most Ps that `setProcs` can ask for. Guess: more CPUs than a process of Deno's ever had; a P's record takes 1.2 KB. */
export const MAX_PROCS = 256;

export const P_STATUS = 0;
export const P_HEAD = LINE;
export const P_TAIL = 2 * LINE;
export const P_NEXT = 2 * LINE + 1;
export const P_RING = 3 * LINE;
/** Go's. */
export const RING_SIZE = 256;
export const P_WORDS = P_RING + RING_SIZE;
