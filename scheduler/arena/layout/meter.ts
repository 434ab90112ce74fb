/** The meter of an isolate: what it has counted and measured. Doubles, each with one writer: tracing/meter.ts. */

/** The isolate's own counters. */
export const METER_WAKES = 0;
export const METER_RETAKES = 1;
export const METER_BY_PORT = 2;
export const METER_BY_PORT_BYTES = 3;
/** Bytes of V8's heap that were in use when the thread last looked. */
export const METER_HEAP_USED = 4;
/** A word, not a double: the span with the thread's ring of events, 0 for none. By the thread, read by the host: tracing/tracer.ts. */
export const METER_RING = 2 * 5;
/** A word: the first span of the thread's journal, 0 for none. By the thread, read by the host: tracing/journal.ts. */
export const METER_JOURNAL = 2 * 6;

/** Each power of 2 has 8 buckets; these reach up to 2^44, nanoseconds of 4 hours. */
export const BUCKETS = 336;
/** A histogram: its buckets, then the sum of what was recorded. */
export const HISTOGRAM_DOUBLES = BUCKETS + 1;
const FIRST_HISTOGRAM = 8;
export const METER_LATENCY = FIRST_HISTOGRAM;
export const METER_RUN_TIME = METER_LATENCY + HISTOGRAM_DOUBLES;
export const METER_CALLS = METER_RUN_TIME + HISTOGRAM_DOUBLES;
export const METER_FREEZES = METER_CALLS + HISTOGRAM_DOUBLES;
export const METER_QUEUE = METER_FREEZES + HISTOGRAM_DOUBLES;
export const METER_DOUBLES = METER_QUEUE + HISTOGRAM_DOUBLES;
/** Whole cache lines. */
export const METER_WORDS = Math.ceil(METER_DOUBLES / 8) * 16;

/** By slot: when its task was queued, a double. See tracing/meter.ts. */
export const QUEUED_AT_WORDS = 2;
