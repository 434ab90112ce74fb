/** What `Scheduler.stats()` says: the counts that threads and sysmon keep in the arena, and those of threads that have ended. */
import { load, store } from "../arena/atomics.ts";
import { OVERSLEPT, PREEMPTED } from "../arena/layout/header.ts";
import { M_PARKS, M_RAN, M_REFUSALS, M_STOLEN } from "../arena/layout/m.ts";
import { DEDICATED, LOCKED } from "../parking/roles.ts";
import type { Shared } from "../parking/shared.ts";

/** A moment's look at a scheduler. Counts over its life lag behind by up to 61 tasks a thread. */
export interface SchedulerStats {
  /** As set. */
  procs: number;
  /** Of these, nobody has this many. */
  idleProcs: number;
  /** Threads that look for work. */
  spinning: number;
  /** Threads in all. */
  threads: number;
  /** Of these, dedicated to a task. */
  dedicatedThreads: number;
  /** Of these, locked by a task, and not dedicated. */
  lockedThreads: number;
  /**
   * Of these, in a call of {@linkcode TaskContext.blocking} that lasted, so that others have their P. While `threads` is
   * `maxThreads`, an idle P may find none for the tasks that are `queued`: they wait until a call returns.
   */
  blockedThreads: number;
  /** Of these, frozen in the middle of a task that has used up its time slice: it waits for the next one. */
  frozenThreads: number;
  /** Times that a task has lost its P at the end of its time slice. */
  preempted: number;
  /**
   * Times that a thread could not be frozen, and was asked again: it was in the scheduler, or in code that is not JavaScript.
   * Of the threads that are there now.
   */
  unfreezable: { inScheduler: number; inNative: number };
  /** Tasks of the host that have not settled. */
  inFlight: number;
  /** Threads for native calls, those of {@linkcode Scheduler.dlopen} and the {@linkcode NativeThread}s. */
  nativeThreads: number;
  /** Native calls that have not settled. */
  nativeCalls: number;
  /** Tasks that wait for a thread, or for their turn in a view. */
  queued: number;
  /** Tasks that were started on a thread since the scheduler was. */
  ran: number;
  /** Times that a thread took tasks from another one's queue. */
  stolen: number;
  /** Times that a thread gave its P up and went to sleep. */
  parks: number;
  /** Times that a thread slept although a task on it could go on, and noticed only later. Always 0; else Heddle has a fault. */
  overslept: number;
}

/** What the host alone knows of that. */
type Known = Pick<SchedulerStats, "inFlight" | "nativeThreads" | "nativeCalls" | "queued"> & {
  /** Those that are there. */
  readonly isolates: readonly number[];
};

/** Over a thread's life, in its record. Those that run add theirs now and then. */
const COUNTS = [M_RAN, M_STOLEN, M_PARKS];

export class Statistics {
  readonly #shared: Shared;
  /** Of threads that have ended. */
  readonly #past = COUNTS.map(() => 0);

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** The thread has ended, and another one may get its number. */
  keep(isolate: number): void {
    const { arena, words } = this.#shared;
    for (const [i, count] of COUNTS.entries()) {
      const at = arena.isolate(isolate) + count;
      this.#past[i] += load(words, at);
      store(words, at, 0);
    }
  }

  read({ isolates, ...known }: Known): SchedulerStats {
    const { idle, roles, words } = this.#shared;
    const total = (word: number) => this.#sum(isolates, word);
    const [ran, stolen, parks] = COUNTS.map((count, i) => this.#past[i] + total(count));
    return {
      procs: idle.procs,
      idleProcs: Math.max(0, idle.idlePs),
      spinning: idle.spinning,
      threads: isolates.length,
      dedicatedThreads: roles.count(DEDICATED),
      lockedThreads: roles.count(LOCKED),
      blockedThreads: roles.blocked,
      frozenThreads: roles.frozen,
      preempted: load(words, PREEMPTED),
      unfreezable: { inScheduler: total(M_REFUSALS), inNative: total(M_REFUSALS + 1) },
      ...known,
      ran,
      stolen,
      parks,
      overslept: load(words, OVERSLEPT),
    };
  }

  #sum(isolates: readonly number[], word: number): number {
    const { arena, words } = this.#shared;
    return isolates.reduce((sum, isolate) => sum + load(words, arena.isolate(isolate) + word), 0);
  }
}
