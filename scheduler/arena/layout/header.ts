/** The header of the arena: words that there is one of. */

/** Words of a cache line. */
export const LINE = 16;

/** How many Ps are counted. Written by the host. Read by everyone; a stale value lasts until the reader's next search. */
export const PROCS = 0;
/** Set once, to 1, by the host's `close()`. */
export const CLOSING = 1;
/** Number of isolate records that were ever used, the host's included. Written by the host. */
export const ISOLATES = 2;
/** The most Ps that were ever counted. Written by the host, read by sysmon: one above PROCS may still run. */
export const MOST_PROCS = 3;
/** 1 from the first task on that is not user-visible. Set by who starts it, before it is in a queue: global_run_queues.ts. */
export const PRIORITIES = 4;
/** Idle Ps and spinning Ms: see idle.ts. */
export const IDLE_COUNTS = LINE;
/** See global_run_queue.ts. */
export const GLOBAL_HEAD = 2 * LINE;
export const GLOBAL_TAIL = 3 * LINE;
/** See heap.ts. */
export const HEAP_TOP = 4 * LINE;
export const HEAP_FREE = 5 * LINE;
/** See spans.ts. */
export const HEAP_GRANTS = 4 * LINE + 1;
/** See task_table.ts. */
export const TASK_LOCK = 6 * LINE;
export const TASK_COUNT = 6 * LINE + 1;
export const TASK_BYTES = 6 * LINE + 2;
/** Blocks of task ids handed out. See `TaskIds`. */
export const ID_BLOCKS = 7 * LINE;
/** Whether sysmon has to be woken, or called for: see sysmon_sleep.ts. */
export const SYSMON = 8 * LINE;
/** How many Ps the machine has room for by now, 0 until that changes. Written by sysmon, taken by the host: both by CAS. */
export const PROCS_SEEN = 9 * LINE;
/** In it, by the host: somebody has said how many Ps there are to be. For good. */
export const PROCS_FIXED = -1;
/**
 * The list of everything that tasks share, for the host to walk when a thread dies: handles.ts. It is opened and closed as an
 * object is, so the line has a count O_TURNS behind the lock, too.
 */
export const OBJECTS_LOCK = 10 * LINE;
export const OBJECTS_FIRST = 10 * LINE + 1;
/** The last deadlock, in words: a block. By the host, before it tells the Ms. */
export const DEADLOCK_REPORT = 10 * LINE + 2;
/** By the host, before the first thread: whether turns are cut short; in milliseconds a slice, a stall and a runaway, 0 for none. */
export const PREEMPT = 11 * LINE;
export const STALL_MS = 11 * LINE + 1;
export const RUNAWAY_MS = 11 * LINE + 2;
export const SLICE_MS = 11 * LINE + 3;
/** Times that a thread lost its P so. By sysmon. */
export const PREEMPTED = 11 * LINE + 4;
/** Times that a thread slept beside a continuation that could run: 0, or there is a fault. By Ms. */
export const OVERSLEPT = 11 * LINE + 5;
/** 1: the host wants to hear of an M that finds the global queue empty. Set by the host, taken by an M: see host/admission.ts. */
export const ROOM_WANTED = 11 * LINE + 6;
/** How often a module was imported, on any thread. See machine/warm_up.ts. */
export const IMPORTED = 11 * LINE + 7;
/** While the scheduler is traced, the how manieth trace it is; else 0. By the host, which tells the threads to look: tracing/tracer.ts. */
export const TRACING = 11 * LINE + 8;
/** 1: times of events are the CPU's counter, else nanoseconds. By the host, before TRACING. */
export const TRACE_COUNTER = 11 * LINE + 9;
/** Who reads the rings of events: see host/trace_drain.ts. */
export const TRACE_LOCK = 11 * LINE + 10;
/** 1: the trace is over, and who drains it is to finish it. By the host. */
export const TRACE_END = 11 * LINE + 11;
/** 1: threads tell what their tasks await, and where. By the host, before the first thread: machine/await_watch.ts. */
export const STACKS = 11 * LINE + 12;
/** As GLOBAL_HEAD and GLOBAL_TAIL, for user-blocking tasks, and then for background ones. */
export const PRIORITY_HEADS = 12 * LINE;
export const HEADER_END = 16 * LINE;

// Spans (spans.ts)

/** Of the largest arena, 2 GiB: a bit each. */
export const MAX_UNITS = 32768;
