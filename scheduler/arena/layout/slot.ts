/** The slot of a G, and the table of definitions that it names one of. */

/**
 * G slots that each thread owns for the children that it publishes: a full ring, and as many that run elsewhere. Guess; with
 * all in use children stay private.
 */
export const SLOTS_PER_THREAD = 512;

/** Priorities, as tasks/priority.ts has them: each has a global queue. */
export const PRIORITY_COUNT = 3;

export const G_STATUS = 0;
export const G_TASK = 1;
export const G_M = 2;
export const G_OWNER_LINK = 3;
export const G_RUNNER_LINK = 4;
/** The isolate in whose mailbox the slot is by that link, or will be in a moment; 0: in none. */
export const G_RUNNER_MAILED = 5;
export const G_CANCEL = 6;
export const G_PAYLOAD = 7;
export const G_BLOCK = 8;
export const G_ID_LOW = 9;
export const G_ID_HIGH = 10;
/**
 * 1: for the thread of its own that is named in G_M, and in no queue. 2: a thread that had taken it died before it began. Above
 * these two bits: the task's priority.
 */
export const G_DEDICATED = 11;
/** 0, or a reference to the latest report that the owner has not read, in the heap. By the runner and the owner, by exchange. */
export const G_REPORT = 12;
/** In the owner's mailbox by that link: from when G_REPORT is not 0 until the owner reads it. */
export const G_REPORT_LINK = 13;
export const G_INLINE = 14;
/** Two cache lines: what queues and owners look at, and what of the payload fits. */
export const G_WORDS = 32;
/** Payloads up to this many bytes need no block of the heap: four short arguments or so. */
export const INLINE_BYTES = (G_WORDS - G_INLINE) * 4;

// The task table

/** Guess: no program has as many kinds of tasks. */
export const MAX_DEFINITIONS = 4096;
/** An entry: where in the names its key is, in bytes, and how long; then what run_times.ts knows. */
export const D_KEY = 0;
export const D_KEY_BYTES = 1;
export const D_MEAN = 2;
export const D_IMPORT = 3;
export const D_COLD = 4;
export const D_TALK = 5;
export const D_LIFE = 6;
export const D_WORDS = 7;
/** Bytes for the names of all definitions: 128 each on average. */
export const TASK_NAME_BYTES = MAX_DEFINITIONS * 128;
