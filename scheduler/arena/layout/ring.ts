/** A ring of events, of a thread that is traced: a span of the heap. See tracing/event_ring.ts. */
import { LINE } from "./header.ts";

/** Entries so far that were written, and that were read: each by one of the two. */
export const RING_WRITTEN = 0;
export const RING_READ = LINE;
/** Events that found no room. By the writer. */
export const RING_DROPPED = 2 * LINE;
/** How many entries there is room for, a power of 2. By who made it, before others know of it. */
export const RING_CAPACITY = 2 * LINE + 1;
export const RING_EVENTS = 3 * LINE;

/**
 * An event: its kind, in the low bits, and what it is about; its end; a number; how long it took. All three in 32 bits, since what is
 * written by the million is to be small: see tracing/tracer.ts for what does not fit.
 */
export const E_HEAD = 0;
export const E_TIME = 1;
export const E_ID = 2;
export const E_DURATION = 3;
export const EVENT_WORDS = 4;
export const KIND_BITS = 5;

/** Events of a thread, and of the host, which starts many tasks at once: 256 KiB and 2 MiB. Guesses. */
export const THREAD_EVENTS = 16384;
export const HOST_EVENTS = 131072;
