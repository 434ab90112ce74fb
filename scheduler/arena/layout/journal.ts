/** The journal of a thread, with `stacks: true`: what its tasks await, and where. See tracing/journal.ts. */

/** Spans of one unit, in a row by J_NEXT; METER_JOURNAL has the first. Each begins with these words. */
export const CHUNK_BYTES = 1 << 16;
/** The reference of the next one, 0 for none. By the thread, once. */
export const J_NEXT = 0;
/** 1: it has entries; 0: texts, or nothing yet. By the thread, once, before it writes there. */
export const J_HAS_ENTRIES = 1;
/** In the first one: the entry of the task that has its turn, 0 for none. By the thread. */
export const J_TURN = 2;

/** An entry, and what comes before the first of a chunk. All of it is written by the thread, by stores, between two of J_COUNT. */
export const ENTRY_WORDS = 32;
/** Odd while it is written, and another one whenever it has been. */
export const J_COUNT = 0;
/** FREE, BEGUN, AWAITS or HOLDS. */
export const J_KIND = 1;
/**
 * The task's number, in two words; and another one: of BEGUN its parent's, of AWAITS that of the task that it awaits, 0 for none; of
 * HOLDS how often.
 */
export const J_TASK = 2;
export const J_OTHER = 4;
/** Milliseconds of the time of day, in two words. */
export const J_SINCE = 6;
/** A text's word: of BEGUN the definition's key, of AWAITS the lines of the source. 0: none. */
export const J_PLACE = 8;
/** What is awaited (unless it is a task) or held, in UTF-8: how many bytes, and these. */
export const J_BYTES = 9;
export const J_WHAT = 10;
export const WHAT_BYTES = (ENTRY_WORDS - J_WHAT) * 4;

/** J_KIND: nobody's. */
export const FREE = 0;
/** A task has begun on this thread, and not ended. */
export const BEGUN = 1;
/** It awaits something. */
export const AWAITS = 2;
/** It has taken a lock, and nobody has given that back. */
export const HOLDS = 3;
