/** A ring of events, of a thread that is traced: a span of the heap. See tracing/event_ring.ts. */
import { LINE } from "./header.ts";

/** Events so far that were written, and that were read: each by one of the two. */
export const RING_WRITTEN = 0;
export const RING_READ = LINE;
/** Events that found no room. By the writer. */
export const RING_DROPPED = 2 * LINE;
/** How many events there is room for, a power of 2. By who made it, before others know of it. */
export const RING_CAPACITY = 2 * LINE + 1;
export const RING_EVENTS = 3 * LINE;

/** An event: its kind, two numbers of two words each, and what it is about. */
export const E_KIND = 0;
export const E_WHAT = 1;
export const E_ID = 2;
export const E_TIME = 4;
export const E_DURATION = 6;
export const EVENT_WORDS = 8;

/** Events of a thread, and of the host, which starts many tasks at once: 256 KiB and 2 MiB. Guesses. */
export const THREAD_EVENTS = 8192;
export const HOST_EVENTS = 65536;
