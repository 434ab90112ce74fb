/** What `Scheduler.metrics()` says: what all isolates have in their meters (tracing/meter.ts), and what the host measures itself. */
import type { Shim } from "../../ffi/shim.ts";
import { glance, load } from "../arena/atomics.ts";
import { HEAP_TOP, ISOLATES, MAX_UNITS } from "../arena/layout/header.ts";
import { M_TID } from "../arena/layout/m.ts";
import {
  METER_BY_PORT,
  METER_BY_PORT_BYTES,
  METER_CALLS,
  METER_FREEZES,
  METER_HEAP_USED,
  METER_LATENCY,
  METER_QUEUE,
  METER_RETAKES,
  METER_RUN_TIME,
  METER_WAKES,
} from "../arena/layout/meter.ts";
import { LEAST_BLOCK } from "../arena/heap.ts";
import { UNIT } from "../arena/spans.ts";
import type { Shared } from "../parking/shared.ts";
import { DEDICATED, LOCKED, POOL, SPARE } from "../parking/roles.ts";
import { type Histogram, Recorded } from "../tracing/histogram.ts";
import { doublesOf } from "../tracing/meter.ts";
import { LoopDelay } from "./loop_delay.ts";
import type { SchedulerStats } from "./statistics.ts";

/**
 * What {@linkcode Scheduler.metrics} returns: plain data. All times are milliseconds. Counts and histograms are over the
 * scheduler's life, those of threads that have ended included; the difference of two says what was in between.
 */
export interface Metrics {
  /** Of this form. Fields may be added to a version; what changes or goes makes it another one. */
  version: 1;
  /** By the system's clock: ISO 8601. */
  time: string;
  /** The scheduler's, if it was given one. */
  name?: string;
  /** As `stats()` says: tasks that `ran`, steals (`stolen`), `parks`, preemptions (`preempted`), and what there is now. */
  stats: SchedulerStats;
  /** Times that a thread that slept was woken with a P. */
  wakes: number;
  /** Times that a blocking call lasted, so that its P was taken for others. */
  retakes: number;
  /** Arguments and results that went by message port, and not in shared memory; bytes of these, without what was transferred. */
  byPort: { values: number; bytes: number };
  /** Shared memory, in bytes. `blocks`: for values of up to 64 KiB, in use or free for the next. `spans`: larger ones, in use. */
  arena: { bytes: number; blocks: number; spans: number };
  /** Those that there are now, the spare one included. */
  threads: ThreadMetrics[];
  /** From the moment that a task is queued until a thread begins it. One in 16 is measured; children that stay on their parent's thread are not. */
  schedulingLatency: Histogram;
  /** From a task's begin to its end or its first await. The first 16 of a kind on each thread are measured, then one in 16; of children that stay on their parent's thread one in 64, of kinds of which others were ever started elsewhere. */
  runTime: Histogram;
  /** Calls of `ctx.blocking`. One in 16 on each thread is measured. */
  blockingCalls: Histogram;
  /** How long threads were frozen whose task had used up its time slice. All are measured, each up to 10 ms too long. */
  freezes: Histogram;
  /** How many tasks, and threads in the middle of tasks, were queued: a look each millisecond, every 10 while little happens, none while nothing does. */
  queueLength: Histogram;
  /** How late the host's timers were: those of its event loop, measured every 20 ms from the first call of `metrics()` on. */
  hostDelay: Histogram;
}

/** A thread of {@linkcode Metrics}. */
export interface ThreadMetrics {
  /** The kernel's number; 0: it is starting. */
  tid: number;
  /** What it is there for, as in a dump. */
  role: "pool" | "spare" | "dedicated" | "locked" | "ending";
  /** CPU time that it has used, if that is known: on Linux with the shim. */
  cpuMs?: number;
  /**
   * Bytes of its V8 heap in use, as it last looked: every 100 ms while it runs tasks, and every few seconds while these wait.
   * Missing: it has not yet.
   */
  heapBytes?: number;
}

const ROLES: Readonly<Record<number, ThreadMetrics["role"]>> = {
  [SPARE]: "spare",
  [POOL]: "pool",
  [DEDICATED]: "dedicated",
  [LOCKED]: "locked",
};

const NS_PER_MS = 1e6;

export class MetricsReader {
  readonly #shared: Shared;
  readonly #shim: Shim;
  #delay: LoopDelay | undefined = undefined;

  constructor(shared: Shared, shim: Shim) {
    this.#shared = shared;
    this.#shim = shim;
  }

  read(name: string | undefined, isolates: readonly number[], stats: SchedulerStats): Metrics {
    const { arena, words } = this.#shared;
    const delay = this.#delay ??= new LoopDelay();
    // Numbers that were ever used, and sysmon: meters outlive their threads.
    const used = Array.from({ length: load(words, ISOLATES) }, (_, number) => number);
    const meters = [...used, arena.sysmonMeter].map((number) => doublesOf(arena, number));
    const total = (counter: number) => meters.reduce((sum, meter) => sum + meter[counter], 0);
    const histogram = (at: number, unit: number) => {
      const recorded = new Recorded();
      for (const meter of meters) recorded.add(meter, at);
      return recorded.read(unit);
    };
    return {
      version: 1,
      time: new Date().toISOString(),
      ...(name !== undefined && { name }),
      stats,
      wakes: total(METER_WAKES),
      retakes: total(METER_RETAKES),
      byPort: { values: total(METER_BY_PORT), bytes: total(METER_BY_PORT_BYTES) },
      arena: {
        bytes: arena.shape.bytes,
        blocks: load(words, HEAP_TOP) * LEAST_BLOCK,
        spans: this.#spanUnits() * UNIT,
      },
      threads: isolates.map((isolate) => this.#thread(isolate)),
      schedulingLatency: histogram(METER_LATENCY, NS_PER_MS),
      runTime: histogram(METER_RUN_TIME, NS_PER_MS),
      blockingCalls: histogram(METER_CALLS, NS_PER_MS),
      freezes: histogram(METER_FREEZES, NS_PER_MS),
      queueLength: histogram(METER_QUEUE, 1),
      hostDelay: delay.read(),
    };
  }

  #thread(isolate: number): ThreadMetrics {
    const { arena, roles, words } = this.#shared;
    const tid = load(words, arena.isolate(isolate) + M_TID);
    const cpuNs = tid === 0 || !this.#shim.capabilities.native ? -1 : this.#shim.cpuNs(tid);
    const heapBytes = doublesOf(arena, isolate)[METER_HEAP_USED];
    return {
      tid,
      role: ROLES[roles.of(isolate)] ?? "ending",
      ...(cpuNs >= 0 && { cpuMs: cpuNs / NS_PER_MS }),
      ...(heapBytes > 0 && { heapBytes }),
    };
  }

  #spanUnits(): number {
    const { arena, words } = this.#shared;
    let units = 0;
    for (let i = 0; i < MAX_UNITS / 32; i++) {
      for (let bits = glance(words, arena.spans + i); bits !== 0; bits &= bits - 1) units++;
    }
    return units;
  }

  close(): void {
    this.#delay?.stop();
  }
}
