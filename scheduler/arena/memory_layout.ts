/**
 * The arena: one SharedArrayBuffer, and where everything in it lies. This is the only home of offsets. All of them are
 * indexes of 32-bit words unless they say bytes. Fresh memory is zero, and zero is a valid start of every structure
 * here, so a new arena needs no initialisation and commits only what is touched.
 *
 * Words that different threads write often stand on cache lines of their own (16 words).
 */

const LINE = 16;

/** The most Ps that `setProcs` can ask for. */
export const MAX_PROCS = 256;
/** G slots that each thread owns for the children that it publishes. */
export const SLOTS_PER_THREAD = 512;
/** The host's isolate number. Isolate Ms have the numbers from 1. */
export const HOST = 0;

// The header ---------------------------------------------------------------------------------------------------------

/** How many Ps are counted. Written by the host. Read by everyone; a stale value lasts until the reader's next search. */
export const PROCS = 0;
/** Set once, to 1, by the host's `close()`. */
export const CLOSING = 1;
/** Number of isolate records that were ever used, the host's included. Written by the host. */
export const ISOLATES = 2;
/** The most Ps that were ever counted. Written by the host, read by sysmon: one above PROCS may still run. */
export const MOST_PROCS = 3;
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
/** Whether sysmon has to be woken: see sysmon.ts. */
export const SYSMON = 8 * LINE;
/** How many Ps the machine has room for by now, 0 until that changes. Written by sysmon, taken by the host: both by CAS. */
export const PROCS_SEEN = 9 * LINE;
/** In it, by the host: somebody has said how many Ps there are to be. For good. */
export const PROCS_FIXED = -1;
/** The list of everything that tasks share, for the host to walk when a thread dies. See handles.ts. */
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
const HEADER_END = 12 * LINE;

// A processor record (processor.ts, local_run_queue.ts) ----------------------------------------------------------------

export const P_STATUS = 0;
export const P_HEAD = LINE;
export const P_TAIL = 2 * LINE;
export const P_NEXT = 2 * LINE + 1;
export const P_RING = 3 * LINE;
export const RING_SIZE = 256;
const P_WORDS = P_RING + RING_SIZE;

// An isolate record (parker.ts, mailbox.ts, machine.ts) ---------------------------------------------------------------

export const M_SLEEP = 0;
/** 1 while a note that this M needs a P is in the global queue. Set by who puts it there, cleared by who takes it out. */
export const M_WANTS_P = 1;
/** See roles.ts. */
export const M_ROLE = 2;
export const M_MAIL = LINE;
/** These are written by the M alone. The host reads them: for `stats()`, and for what a dead M leaves behind. */
export const M_SPINNING = 2 * LINE;
/** In the host's record: sysmon's. */
export const M_TID = 2 * LINE + 1;
export const M_LIVE = 2 * LINE + 2;
export const M_RAN = 2 * LINE + 3;
export const M_STOLEN = 2 * LINE + 4;
export const M_PARKS = 2 * LINE + 5;
export const M_DEATH = 2 * LINE + 6;
/** See deadlock.ts: only mail can wake it; what the host wants to know of it; where it says so. */
export const M_STUCK = 2 * LINE + 7;
export const M_ASKED = 2 * LINE + 8;
export const M_REPORT = 2 * LINE + 9;
/** See locks.ts. The second is the handler's of the thread: what it was given while it was frozen. */
export const M_LOCKS = 2 * LINE + 10;
export const M_GIVEN = 2 * LINE + 11;
/** By sysmon: milliseconds of a turn that was too long, and which turn it was. */
export const M_RAN_ON = 2 * LINE + 12;
export const M_STALLED = 2 * LINE + 13;
/** The stack of a task that has stalled, a block; 0 for none. By the thread, taken by the host: both by exchange. */
export const M_STACK = 2 * LINE + 14;
/** The slot, plus 1, of which the M is telling the owner that it has ended: its status says so, the mail may be on its way. */
export const M_TELLS = 2 * LINE + 15;
/** struct heddle_preemptible of native/shim.h: 4 doubles, 2 counts. */
export const M_PREEMPTIBLE = 3 * LINE;
export const M_REFUSALS = M_PREEMPTIBLE + 8;
/** The definition of the task that runs there on end, plus 1; 0: a continuation, or nothing. See locks.ts. */
export const M_RUNS = M_PREEMPTIBLE + 10;
/** Modules that it imports now. By the thread. */
export const M_IMPORTS = M_PREEMPTIBLE + 11;
/** Which definitions it has at hand, by the lowest 5 bits of their numbers: a hint. By the thread. */
export const M_WARM = M_PREEMPTIBLE + 13;
/** Microseconds that its turn had taken when it lost its P in the middle. By sysmon, and reset by
 * the thread: stopwatch.ts. */
export const M_RAN_BEFORE = M_PREEMPTIBLE + 14;
/** The span that this isolate fills or empties, and that nothing else refers to; 0 for none. Taken by the host when it is dead. */
export const M_SPAN = 3 * LINE + 12;
/** What runs there: see black_box.ts. */
export const M_BOX = 4 * LINE;
export const BOX_BYTES = 16 * LINE;
const M_WORDS = 4 * LINE + BOX_BYTES / 4;

// A G slot (g_table.ts) -----------------------------------------------------------------------------------------------

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
/** 1: for the thread of its own that is named in G_M, and in no queue. */
export const G_DEDICATED = 11;
export const G_INLINE = 12;
const G_WORDS = 32;
/** Payloads up to this many bytes need no block of the heap: four short arguments or so. */
export const INLINE_BYTES = (G_WORDS - G_INLINE) * 4;

// What tasks share: a channel or a lock (handles.ts, wait_queue.ts). A block of the heap ------------------------------

// The first word is its lock (object_lock.ts). All other words are whose isolate is inside.
export const O_KIND = 1;
/** The class of its block. */
export const O_CLASS = 2;
/** References that are on their way in payloads and channels. Atomic, outside of the lock. */
export const O_IN_FLIGHT = 3;
/** The list of all objects, under OBJECTS_LOCK. */
export const O_NEXT = 4;
export const O_PREVIOUS = 5;
/** Two lists of parked operations, head and tail. A channel's: receivers and senders. A lock has the first only. */
export const O_FIRST_QUEUE = 6;
export const O_SECOND_QUEUE = 8;
/** A channel: whether it is closed. A lock: whether a thread died that held it. */
export const O_ENDED = 10;
export const C_CAPACITY = 11;
export const C_COUNT = 12;
export const C_HEAD = 13;
/** A lock: who has it (an isolate's number plus 1), and what is counted. See the files of the locks. */
export const L_HOLDER = 11;
export const L_COUNT = 12;
export const L_LIMIT = 13;
/** In a mutex's L_HOLDER: somebody waits, or did. */
export const MUTEX_WAITED = 1 << 20;
/** In a mutex's L_HOLDER: the thread died that held it. */
export const MUTEX_DEAD = -1;
/** A bit for each isolate that has a handle. Then a channel's cells, or a lock's count of what each isolate holds. */
export const O_ISOLATES = 16;
/** A value in a channel: inline, or where its block is. See cell.ts. */
export const CELL_WORDS = 4;

// The record of a parked operation on such an object (waiter.ts). A block of class 0 -----------------------------------

export const W_NEXT = 0;
export const W_PREVIOUS = 1;
/** The queue that it is in (O_FIRST_QUEUE, O_SECOND_QUEUE), or 0. */
export const W_QUEUE = 2;
/** Whose operation it is, and its number there. Written when the record is made. */
export const W_ISOLATE = 3;
export const W_NUMBER = 4;
/** The mailbox's link. */
export const W_MAIL = 5;
/** How it ended. Written by who took it out of its queue, before the mail. */
export const W_OUTCOME = 6;
/** Of a select: the record whose W_FIRED decides; 0 for an operation by itself. */
export const W_SELECTION = 7;
/** 1 once a case of the select has been chosen, by CAS. */
export const W_FIRED = 8;
/** What a lock's operation asks for. */
export const W_DEMAND = 9;
export const W_OBJECT = 10;
export const W_CELL = 12;

// Native calls: the structs of native/shim.h, which says who writes what (native/queue.ts, native/calls.ts) --------

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
/** Native calls that are known to the threads at once; the host keeps what exceeds them. A power of two. */
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
const NATIVE_HOST_WORDS = 3 * LINE;

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
export const MAX_NATIVE_THREADS = 4096;

const NATIVE_WORDS = NATIVE_HOST_WORDS + QUEUE_WORDS + MAX_NATIVE_THREADS * NATIVE_STATUS_WORDS +
  NATIVE_CALLS * CALL_WORDS;

// Preemption ---------------------------------------------------------------------------------------------------------

/** Where threads may be frozen, for the handler: start and end as doubles. By sysmon, while nobody was asked. */
export const MAX_CODE_RANGES = 1024;
const CODE_WORDS = (MAX_CODE_RANGES + 1) * 4;

// Spans (spans.ts) -----------------------------------------------------------------------------------------------------

/** Of the largest arena, 2 GiB: a bit each. */
export const MAX_UNITS = 32768;

// The task table ------------------------------------------------------------------------------------------------------

export const MAX_DEFINITIONS = 4096;
/** An entry: where in the names its key is, in bytes, and how long; then what run_times.ts knows. */
export const D_KEY = 0;
export const D_KEY_BYTES = 1;
export const D_MEAN = 2;
export const D_IMPORT = 3;
const D_WORDS = 4;
/** Bytes for the names of all definitions: 128 each on average. */
const TASK_NAME_BYTES = MAX_DEFINITIONS * 128;

/** What has to be agreed on before an arena can be read. The host makes it, the threads get it with the buffer. */
export interface ArenaShape {
  /** G slots of the host: tasks from outside that can be in flight at once. */
  readonly maxTasks: number;
  readonly maxThreads: number;
  /** Of the whole arena. */
  readonly bytes: number;
}

/** The smallest `bytes` for a shape: everything but the heap, and a heap of 1 MiB. */
export function leastArenaBytes(maxTasks: number, maxThreads: number): number {
  return offsets(maxTasks, maxThreads).heapBytes + (1 << 20);
}

/** Isolate numbers for each thread that there may be: one that has ended keeps its own while children of it are in flight. */
const NUMBERS_PER_THREAD = 2;

function offsets(maxTasks: number, maxThreads: number) {
  const numbers = maxThreads * NUMBERS_PER_THREAD;
  const slots = maxTasks + numbers * SLOTS_PER_THREAD;
  // The global queue must never be full: every slot can be in it once, and every thread twice (after a death).
  const globalCapacity = 2 ** Math.ceil(Math.log2(slots + 2 * numbers + 1));
  const processors = HEADER_END;
  const isolates = processors + MAX_PROCS * P_WORDS;
  const globalCells = isolates + (numbers + 1) * M_WORDS;
  const definitions = globalCells + globalCapacity * 2;
  const names = definitions + MAX_DEFINITIONS * D_WORDS;
  const gs = lineUp(names + TASK_NAME_BYTES / 4);
  const codeRanges = lineUp(gs + slots * G_WORDS);
  const native = lineUp(codeRanges + CODE_WORDS);
  const spans = lineUp(native + NATIVE_WORDS);
  const heapBytes = lineUp(spans + MAX_UNITS / 32) * 4;
  return {
    numbers,
    slots,
    globalCapacity,
    processors,
    isolates,
    globalCells,
    definitions,
    names,
    gs,
    codeRanges,
    native,
    spans,
    heapBytes,
  };
}

function lineUp(index: number): number {
  return Math.ceil(index / LINE) * LINE;
}

export class Arena {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly slots: number;
  readonly globalCapacity: number;
  readonly globalCells: number;
  /** In bytes, as are the next two. */
  readonly namesAt: number;
  readonly namesBytes = TASK_NAME_BYTES;
  readonly heapAt: number;
  /** A bit for each unit of the heap, from its end: in use by a span. */
  readonly spans: number;
  readonly codeRanges: number;
  readonly nativeHost: number;
  /** The queue of the pool; others are not in the arena. */
  readonly nativeQueue: number;
  readonly nativeStatuses: number;
  readonly nativeCalls: number;
  /** The highest isolate number. */
  readonly numbers: number;
  /** Words of O_ISOLATES. */
  readonly isolateBits: number;
  readonly #processors: number;
  readonly #isolates: number;
  readonly #gs: number;
  readonly #definitions: number;

  constructor(
    readonly shape: ArenaShape,
    readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(shape.bytes),
  ) {
    const at = offsets(shape.maxTasks, shape.maxThreads);
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.slots = at.slots;
    this.globalCapacity = at.globalCapacity;
    this.globalCells = at.globalCells;
    this.#definitions = at.definitions;
    this.namesAt = at.names * 4;
    this.heapAt = at.heapBytes;
    this.spans = at.spans;
    this.codeRanges = at.codeRanges;
    this.nativeHost = at.native;
    this.nativeQueue = this.nativeHost + NATIVE_HOST_WORDS;
    this.nativeStatuses = this.nativeQueue + QUEUE_WORDS;
    this.nativeCalls = this.nativeStatuses + MAX_NATIVE_THREADS * NATIVE_STATUS_WORDS;
    this.numbers = at.numbers;
    this.isolateBits = (at.numbers >> 5) + 1;
    this.#processors = at.processors;
    this.#isolates = at.isolates;
    this.#gs = at.gs;
  }

  processor(p: number): number {
    return this.#processors + p * P_WORDS;
  }

  isolate(number: number): number {
    return this.#isolates + number * M_WORDS;
  }

  definition(number: number): number {
    return this.#definitions + number * D_WORDS;
  }

  g(slot: number): number {
    return this.#gs + slot * G_WORDS;
  }

  /** The first of the slots that an isolate owns. */
  firstSlot(isolate: number): number {
    return isolate === HOST ? 0 : this.shape.maxTasks + (isolate - 1) * SLOTS_PER_THREAD;
  }

  slotsOf(isolate: number): number {
    return isolate === HOST ? this.shape.maxTasks : SLOTS_PER_THREAD;
  }

  ownerOf(slot: number): number {
    const beyond = slot - this.shape.maxTasks;
    return beyond < 0 ? HOST : 1 + Math.floor(beyond / SLOTS_PER_THREAD);
  }
}
