/**
 * A slot as one sees it to whom it does not belong, and who neither stops nor waits for its owner and its runner.
 *
 * The slot may be freed and used again in the middle of that. Two facts tell: the id of a task never comes back, and it is
 * written while the slot is free, with all the rest of the task before the status leaves G_FREE. So the order is
 *
 *   id, status, the rest, status, id
 *
 * If both ids are the same, the slot was that task's or free at any moment between. If it was not free at the two looks at the
 * status, the task's life, which is one piece, spans all that was read between them. With the statuses on the outside, it might
 * have been the last task's status, then the next task's id, with the definition of the last one. If the two statuses are the
 * same too, the runner fits the status: it is stored before G_RUNNING and stays.
 *
 * (The id is written plainly, and on ARM what is written plainly may be seen before what was stored earlier: the id of the next
 * task before G_FREE. But who frees a slot looks at G_RUNNER_MAILED after that: arena/README.md, "Weak order".)
 */
import { glance, load } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { G_ID_HIGH, G_ID_LOW, G_M, G_STATUS, G_TASK } from "../arena/layout/slot.ts";
import { G_FREE } from "./g_table.ts";

/** A task that had a slot at some moment of the look, and how it was then. */
export interface SeenSlot {
  readonly id: number;
  readonly status: number;
  /** Its definition's number. */
  readonly definition: number;
  /** The isolate that has taken it; 0: none has. */
  readonly runner: number;
}

/** The slot changed at each of several looks. */
export const UNSTABLE = "unstable";

/** Guess, of objects too: what lives or holds still for less than a look takes microseconds, so that a second look is rare. */
export const MOST_LOOKS = 8;

/** Undefined if the slot is free. */
export function seeSlot(arena: Arena, slot: number): SeenSlot | typeof UNSTABLE | undefined {
  const words = arena.i32;
  const g = arena.g(slot);
  // Most are.
  if (load(words, g + G_STATUS) === G_FREE) return undefined;
  for (let i = 0; i < MOST_LOOKS; i++) {
    const low = glance(words, g + G_ID_LOW);
    const high = glance(words, g + G_ID_HIGH);
    const status = load(words, g + G_STATUS);
    if (status === G_FREE) return undefined;
    const definition = load(words, g + G_TASK);
    const runner = load(words, g + G_M);
    if (load(words, g + G_STATUS) !== status) continue;
    if (glance(words, g + G_ID_LOW) !== low || glance(words, g + G_ID_HIGH) !== high) continue;
    return { id: high * 2 ** 32 + (low >>> 0), status, definition, runner };
  }
  return UNSTABLE;
}
