/** What C knows of the arena: native calls, and where threads may be frozen. */
import { LINE } from "./header.ts";

/** struct heddle_call. What is marked double is a heddle_number or 64 bits. */
export const CALL_FUNCTION = 0; // double
export const CALL_RESULT = 2; // double
export const CALL_ERROR = 4;
export const CALL_NEXT = 5;
export const CALL_KIND = 6;
export const CALL_INTS = 8;
export const CALL_FLOATS = 24;
export const CALL_STACK = 40;
export const CALL_WORDS = 80;
/** Words of the stack that a call can have, 64 bits each. */
export const CALL_STACK_SLOTS = 16;
/** Native calls that are known to the threads at once, one for each that there can be. The host keeps what exceeds them. A power of two. */
export const NATIVE_CALLS = 4096;

/** struct heddle_native_host. */
export const NATIVE_HOST_CALLS = 0; // double
export const NATIVE_HOST_SYSMON = 2; // double
export const NATIVE_HOST_THREADS = 4;
/** Where the queue of the newest native thread is, 0 for none. By the host; read by sysmon when that is gone. */
export const NATIVE_HOST_QUEUES = 5;
export const NATIVE_HOST_DONE = LINE;
export const NATIVE_HOST_ASLEEP = 2 * LINE;
export const NATIVE_HOST_CALLED = 2 * LINE + 1;
export const NATIVE_HOST_CPU = 2 * LINE + 2;
export const NATIVE_HOST_WORDS = 3 * LINE;

/** struct heddle_native_queue; after it the ring, of one word for every call. */
export const QUEUE_HOST = 0; // double
export const QUEUE_RING = 2; // double
export const QUEUE_STATUSES = 4; // double
export const QUEUE_STACK_BYTES = 6; // double
export const QUEUE_IDLE_US = 8; // double
export const QUEUE_MASK = 10;
export const QUEUE_LIMIT = 11;
export const QUEUE_MAX_THREADS = 12;
/** The next in the list of NATIVE_HOST_QUEUES. */
export const QUEUE_NEXT = 13;
export const QUEUE_HEAD = LINE;
export const QUEUE_TAIL = 2 * LINE;
export const QUEUE_STATE = 3 * LINE;
export const QUEUE_PERMITS = 4 * LINE;
export const QUEUE_THREADS = 4 * LINE + 1;
export const QUEUE_CELLS = 5 * LINE;
export const QUEUE_WORDS = QUEUE_CELLS + NATIVE_CALLS;

/** The status of a native M has a cache line. */
export const NATIVE_STATUS_WORDS = LINE;
/** Guess: at 10 KB a thread, 40 MB. */
export const MAX_NATIVE_THREADS = 4096;

export const NATIVE_WORDS = NATIVE_HOST_WORDS + QUEUE_WORDS + MAX_NATIVE_THREADS * NATIVE_STATUS_WORDS +
  NATIVE_CALLS * CALL_WORDS;

/** struct heddle_poller. C writes it all but for the second. */
export const POLLER_FIRED = 2;
export const POLLER_WORDS = LINE;

// Preemption

/**
 * Where threads may be frozen, for the handler: start and end as doubles. By sysmon, while nobody was asked. Guess: an isolate has
 * one, and each instance of WebAssembly.
 */
export const MAX_CODE_RANGES = 1024;
export const CODE_WORDS = (MAX_CODE_RANGES + 1) * 4;
