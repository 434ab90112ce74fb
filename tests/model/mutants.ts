/**
 * Faults that the checker has to find: one operation dropped, two swapped, a recheck removed, a wake missed. Each changes a
 * text that has to be in its module once, so the list cannot rot.
 */
import type { Patch } from "./transform.ts";

export interface Mutant extends Patch {
  fault: string;
  /** Parts of the names of scenarios, one of which finds it. */
  scenarios: string[];
}

function mutant(fault: string, file: string, find: string, replace: string, ...scenarios: string[]): Mutant {
  return { fault, file: `scheduler/${file}`, find, replace, scenarios };
}

export const mutants: Mutant[] = [
  mutant(
    "a thief takes the head by a store, not by CAS",
    "local_run_queue.ts",
    "if (!cas(words, from + P_HEAD, head, (head + count) | 0)) continue;",
    "store(words, from + P_HEAD, (head + count) | 0);",
    "local ring",
  ),
  mutant(
    "the tail is published before the entry is in the ring",
    "local_run_queue.ts",
    `store(words, at + P_RING + (tail & (RING_SIZE - 1)), slot);
        store(words, at + P_TAIL, (tail + 1) | 0);`,
    `store(words, at + P_TAIL, (tail + 1) | 0);
        store(words, at + P_RING + (tail & (RING_SIZE - 1)), slot);`,
    "local ring",
  ),
  mutant(
    "the owner takes runnext by a store, not by CAS",
    "local_run_queue.ts",
    "if (next !== 0 && cas(words, at + P_NEXT, next, 0)) return next - 1;",
    "if (next !== 0) { store(words, at + P_NEXT, 0); return next - 1; }",
    "local ring",
  ),
  mutant(
    "a full ring is spilled without a CAS",
    "local_run_queue.ts",
    "if (!cas(this.words, at + P_HEAD, head, (head + half) | 0)) return false;",
    "store(this.words, at + P_HEAD, (head + half) | 0);",
    "local ring",
  ),
  mutant(
    "a thief publishes the others before it has taken them",
    "local_run_queue.ts",
    "if (!cas(words, from + P_HEAD, head, (head + count) | 0)) continue;",
    "if (count > 1) store(words, to + P_TAIL, (tail + count - 1) | 0);\nif (!cas(words, from + P_HEAD, head, (head + count) | 0)) continue;",
    "local ring",
  ),
];
