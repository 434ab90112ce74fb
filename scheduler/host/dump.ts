/** What a dump has: its documented, versioned form. */

/**
 * What {@linkcode Scheduler.dump} returns: a plain object that `JSON.stringify` takes as it is, and `String(dump)` as text, in
 * which equal tasks are one entry. Fields may be added to this version; what changes or goes makes it another one.
 *
 * After Go's SIGQUIT dump, Loom's JSON thread dump (JEP 425) and tokio's task dumps.
 */
export interface Dump {
  /** Of this form. */
  readonly version: 1;
  /** When, in ISO 8601. */
  readonly time: string;
  /** `SchedulerOptions.name`. */
  readonly name?: string;
  /** `close()` was called. */
  readonly isClosed: boolean;
  /** How many threads run tasks at the same instant. */
  readonly procs: number;
  /** Of these, nobody has this many. */
  readonly idleProcs: number;
  /** Threads that look for work. */
  readonly spinning: number;
  /** Times that a task has lost its P at the end of its time slice. */
  readonly preempted: number;
  /**
   * Tasks that more than one thread knows of. Children that never left their parent's thread are in {@linkcode DumpedThread.begun}, and
   * with {@linkcode SchedulerOptions.stacks} in here.
   */
  readonly tasks: readonly DumpedTask[];
  /** Threads that run tasks, or could. */
  readonly threads: readonly DumpedThread[];
  /** Ps: the `procs` that are counted, and those of an earlier, larger `procs`. */
  readonly processors: readonly DumpedProcessor[];
  /** How many tasks wait, and where. */
  readonly queues: DumpedQueues;
  /** Channels and locks in shared memory: those that more than one thread has known. */
  readonly objects: readonly DumpedObject[];
  /** Descriptors that are waited for, as the kernel says, if the program may read that (all permissions); else none. */
  readonly descriptors: readonly DumpedDescriptor[];
  /** Threads for native calls, and calls that have not settled. */
  readonly native: { readonly threads: number; readonly calls: number };
  /** Circles of waiting. */
  readonly cycles: readonly DumpedCycle[];
  /** Tasks, channels and locks that changed at each of several looks, and are left out. */
  readonly unstable: number;
}

/**
 * Who a task, an operation or a lock belongs to: the tid of its thread (its index in {@linkcode Dump.threads} may change, the
 * kernel's number does not), "host" for the code that has started the scheduler, or "starting" for a thread that is not up.
 */
export type DumpedPlace = number | "host" | "starting";

/** A task that has not ended, or of which nobody has read yet how it did. */
export interface DumpedTask {
  /** {@linkcode Task.id}. */
  readonly id: number;
  /** As it was given to `go`; else its definition's. */
  readonly name: string;
  /** The module that defines it. */
  readonly module: string;
  /**
   * - "waiting for a slot": on the host, since `maxTasks` are in use.
   * - "queued": for a thread. "importing": it has one, which imports its module, or is not up.
   * - "begun": it runs there, or awaits something. The thread's state says more.
   * - "cancelled": before it began. "ended": its starter has not read how.
   */
  readonly state: "waiting for a slot" | "queued" | "importing" | "begun" | "cancelled" | "ended";
  /** Who has started it: the host, or a task of that thread. */
  readonly startedBy: DumpedPlace;
  /** Where it has begun, or is about to. */
  readonly thread?: DumpedPlace;
  /** With {@linkcode SchedulerOptions.stacks}: the task that has started it, on this thread, or awaits it on another one. */
  readonly parent?: number;
  /** With `stacks`: it has its turn on its thread, whose state and system call are its own. */
  readonly hasTurn?: boolean;
  /** With `stacks`: milliseconds since it began. */
  readonly forMs?: number;
  /** With `stacks`: what it awaits, longest first. */
  readonly awaits?: readonly DumpedAwait[];
  /** With `stacks`: locks that it has taken, and that nobody has given back, as {@linkcode DumpedObject.name} has them. */
  readonly holds?: readonly string[];
}

/** An `await` of a task, or another wait for a promise, that has not ended. */
export interface DumpedAwait {
  /**
   * - `receive from channel 5 "jobs"`, `lock mutex 7`, `sleep`, and so on: an operation. {@linkcode Dump.objects} has who else waits there,
   *   and who holds it, if more than one thread knows it.
   * - `task 9`: another task.
   * - `a promise of the outside`: by {@linkcode TaskContext.wait}.
   * - `a promise of its own`: any other, of the task's own functions or of the runtime.
   */
  readonly what: string;
  /** The other task's id. */
  readonly task?: number;
  /** What it waits at, as {@linkcode DumpedObject.name} has it: of a select there may be several. */
  readonly objects?: readonly string[];
  /** On which threads the lock is held that it waits for. */
  readonly heldBy?: readonly DumpedPlace[];
  /** The tasks that hold it, as far as it is known. */
  readonly heldByTasks?: readonly number[];
  /** Milliseconds since it began. */
  readonly forMs: number;
  /** Lines of the source: where it is, and then who awaits that, three at most. */
  readonly at: readonly string[];
}

/** A thread of a scheduler, in the moment of the dump. */
export interface DumpedThread {
  /** The kernel's number, as in `/proc/self/task`. 0: it is starting. */
  readonly tid: number;
  /** If the program may read it there (all permissions). */
  readonly name?: string;
  /**
   * "pool": for all tasks. "locked" and "dedicated": in the hands of a task, as of {@linkcode Scheduler.dedicate}. "spare": for when one
   * is missing. "ending": the pool has no use for it.
   */
  readonly role: "spare" | "pool" | "locked" | "dedicated" | "ending";
  /**
   * - "running": it has a P, and runs a task or looks for one.
   * - "in call": of {@linkcode TaskContext.blocking}. If it has no P, that was passed on.
   * - "waiting for a P": it is back from such a call.
   * - "parked": it sleeps until there is work. "in event loop": its tasks await something.
   * - "waking": it was given a P.
   * - "frozen": in the middle of a task whose time slice is over. "seized": the same, where it could not be: it runs on without a P.
   * - "abandoned": for good, by `runawayMs`.
   * - "starting": it is not up.
   */
  readonly state:
    | "starting"
    | "running"
    | "in call"
    | "waiting for a P"
    | "parked"
    | "in event loop"
    | "waking"
    | "frozen"
    | "seized"
    | "abandoned";
  /** The definition of the task that has its turn, if that began in this turn. */
  readonly runs?: string;
  /** Its P's number; "exempt" for the one of a dedicated thread, that is in no count. */
  readonly processor?: number | "exempt";
  /** What it sleeps in, as the kernel says, if the program may read that (all permissions). */
  readonly systemCall?: string;
  /** CPU time so far, in milliseconds. */
  readonly cpuMs?: number;
  /** Bytes of its V8 heap in use, as it last looked: every 100 ms while its event loop turns. Missing: it has not yet. */
  readonly heapBytes?: number;
  /**
   * Tasks that have begun there and not ended: those in {@linkcode Dump.tasks}, or more if the thread has said so, with children that
   * nobody else knows. It does when it goes to sleep, and now and then.
   */
  readonly begun: number;
  /** Modules that it imports. */
  readonly importing: number;
  /** Tasks that it has started, as it said last. */
  readonly ran: number;
  /** Times that it gave its P up and went to sleep. */
  readonly parks: number;
}

/** A P: the right to run tasks. */
export interface DumpedProcessor {
  /** From 0. */
  readonly number: number;
  /** "in call": of the thread that has it, and others may take it. "passing": given to a thread that is about to take it. */
  readonly state: "idle" | "running" | "in call" | "passing" | "stopped";
  /** Who has it. */
  readonly thread?: DumpedPlace;
  /** Tasks in its own queue. */
  readonly queued: number;
}

/** How many tasks wait, and where. */
export interface DumpedQueues {
  /** Tasks in the queue of all threads, and threads that wait there for a P. */
  readonly global: number;
  /** Tasks in the queues of Ps. */
  readonly local: number;
  /** Tasks that wait on the host, since `maxTasks` are in use. */
  readonly host: number;
}

/** A channel or a lock that several threads know, or the host and a thread. */
export interface DumpedObject {
  /** As in error messages, and then its own name, if it was given one: `channel 5`, `mutex 7 "accounts"`. */
  readonly name: string;
  /** That own name: {@linkcode SharedOptions.name}. */
  readonly label?: string;
  /** Its class. */
  readonly kind: "channel" | "mutex" | "RWMutex" | "Semaphore" | "WaitGroup" | "Once" | "Barrier";
  /** A channel: it was closed. */
  readonly isClosed?: boolean;
  /** A lock: a thread died that held it, and it can be used no more. */
  readonly isPoisoned?: boolean;
  /** Values in a channel, permits that nobody holds, what a wait group waits for, tasks that are at a barrier. */
  readonly count?: number;
  /** Values that a channel has room for, permits in all, tasks that a barrier waits for. */
  readonly limit?: number;
  /** Who holds a lock. */
  readonly heldBy: readonly DumpedHolder[];
  /** Operations that are parked there, in turn; those of one thread that want the same are one entry. */
  readonly waiting: readonly DumpedWait[];
}

/** A thread that holds a lock, or permits of it. */
export interface DumpedHolder {
  /** A lock is its thread's: any task there may give it back. */
  readonly thread: DumpedPlace;
  /** How often, or how many permits. */
  readonly times: number;
  /**
   * With {@linkcode SchedulerOptions.stacks}: the tasks that have taken it. One that is not in {@linkcode Dump.tasks} has ended, and has
   * not given it back. Missing: it may be any of the {@linkcode DumpedThread.begun} tasks of that thread, or one that has ended.
   */
  readonly tasks?: readonly number[];
}

/** Operations of one thread that wait for the same. */
export interface DumpedWait {
  /** What they wait to do. */
  readonly operation: "receive" | "send" | "lock" | "read lock" | "acquire" | "wait";
  /** Whose they are. */
  readonly thread: DumpedPlace;
  /** How many. */
  readonly count: number;
  /** As cases of a `select`. */
  readonly inSelect: boolean;
}

/** A descriptor that tasks of a thread wait for, by {@linkcode readable}, {@linkcode writable} or {@linkcode pollable}. */
export interface DumpedDescriptor {
  /** Its number. */
  readonly fd: number;
  /**
   * What it is to become. "both": one or the other. A wait that was taken back is told of until that happens. "pollable": it is
   * registered once for all, whether or not somebody waits at this moment.
   */
  readonly awaits: "readable" | "writable" | "both" | "pollable";
  /** Whose tasks they are. */
  readonly thread: DumpedPlace;
}

/**
 * A circle: who waits at each step waits for who does at the next one, and at the last for the first.
 *
 * With {@linkcode SchedulerOptions.stacks} these are tasks: of one thread, or of several, or one alone that waits for what it holds
 * itself. It is a deadlock, unless a task has more than one await and any of them would do. Without, they are threads: a deadlock if on
 * each of them it is one task that holds and waits, and a thread whose other tasks hold the lock may get out of it.
 */
export type DumpedCycle = readonly DumpedStep[];

/** One of a circle waits for the next one. */
export interface DumpedStep {
  /** On which thread somebody waits. */
  readonly thread: DumpedPlace;
  /** Which of its tasks, if that is known. */
  readonly task?: number;
  /** A lock, as {@linkcode DumpedObject.name} has it, or `task 9`. */
  readonly waitsFor: string;
  /** On which thread that is held; or that of the task. */
  readonly heldBy: DumpedPlace;
  /** Which of its tasks holds it, if that is known; or the task. */
  readonly heldByTask?: number;
}
