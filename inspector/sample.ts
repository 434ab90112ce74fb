/**
 * One look at a scheduler, as the page gets it: a dump and metrics, made small. Tasks are groups here, since there may be 100,000 of
 * them; single ones the page asks for (lives.ts). The page reads this module for its types and names.
 */
import type {
  Dump,
  DumpedCycle,
  DumpedObject,
  DumpedProcessor,
  DumpedQueues,
  DumpedThread,
  Histogram,
  Metrics,
} from "../mod.js";
import { histogramOf } from "../scheduler/tracing/histogram.ts";

/** Groups of tasks, and channels and locks, that one sample has at most. Guess: more than anybody reads. */
const MOST = 100;
/**
 * Milliseconds for which a thread has to be seen at the same turn until its task is called a hog. Guess: what it says of how many tasks
 * it has started may lag by 61, so short ones of one kind look like one; where others use the CPU, these took more than a second.
 */
const HOG = 2000;

/** States of a thread whose task neither awaits nor blocks where that is allowed. */
const KEEPING: readonly DumpedThread["state"][] = ["running", "frozen", "seized", "abandoned", "waking"];

/** A thread, and how it changed since the last look. */
export interface SampledThread extends DumpedThread {
  /** CPU time since the last look, as a part of one CPU. */
  readonly cpu?: number;
  /** Milliseconds for which one task has kept it, if that is long. */
  readonly hogMs?: number;
}

/** Tasks of one name in one state. */
export interface TaskGroup {
  readonly name: string;
  readonly module: string;
  readonly state: string;
  readonly count: number;
}

/** Without buckets. */
export type Percentiles = Omit<Histogram, "buckets">;

export const HISTOGRAMS = [
  "schedulingLatency",
  "runTime",
  "blockingCalls",
  "freezes",
  "queueLength",
  "hostDelay",
] as const;

export type HistogramName = typeof HISTOGRAMS[number];

/** When it was. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** How long it took the program's event loop. */
  readonly tookMs: number;
  /** From there to the next one. */
  readonly everyMs: number;
}

export interface Sample extends Look {
  readonly name?: string;
  readonly isClosed: boolean;
  readonly procs: number;
  readonly idleProcs: number;
  readonly threads: readonly SampledThread[];
  readonly processors: readonly DumpedProcessor[];
  readonly queues: DumpedQueues;
  /** How many; the largest groups of them. */
  readonly tasks: number;
  readonly groups: readonly TaskGroup[];
  /** How many; those at which somebody waits or that somebody holds come first. */
  readonly objectCount: number;
  readonly objects: readonly DumpedObject[];
  readonly cycles: readonly DumpedCycle[];
  readonly unstable: number;
  /** Over the scheduler's life. */
  readonly metrics:
    & Pick<Metrics, "stats" | "wakes" | "retakes" | "byPort" | "arena">
    & Record<HistogramName, Percentiles>;
  /** Since the last look. */
  readonly lately: {
    readonly latency: Percentiles;
    readonly hostDelay: Percentiles;
    /** CPUs that its threads have kept busy. */
    readonly cpus: number;
  };
}

/** One that a thread is in, since when. */
interface Turn {
  readonly turn: string;
  readonly since: number;
}

/** Makes samples, each with what has changed since the one before. */
export class Sampling {
  #last: { readonly at: number; readonly dump: Dump; readonly metrics: Metrics } | undefined = undefined;
  /** By tid. */
  #turns = new Map<number, Turn>();

  sample(look: Look, dump: Dump, metrics: Metrics): Sample {
    const { at } = look;
    const now = { at, dump, metrics };
    const last = this.#last ?? now;
    this.#last = now;
    const threads = this.#threads(at, dump, last.dump, Math.max(1, at - last.at));
    const { stats, wakes, retakes, byPort, arena } = metrics;
    const histograms = Object.fromEntries(
      HISTOGRAMS.map((name) => [name, percentiles(metrics[name])]),
    ) as Record<HistogramName, Percentiles>;
    return {
      ...look,
      ...(dump.name !== undefined && { name: dump.name }),
      isClosed: dump.isClosed,
      procs: dump.procs,
      idleProcs: dump.idleProcs,
      threads,
      processors: dump.processors,
      queues: dump.queues,
      tasks: dump.tasks.length,
      groups: groupsOf(dump),
      objectCount: dump.objects.length,
      objects: dump.objects.toSorted((a, b) => weight(b) - weight(a)).slice(0, MOST),
      cycles: dump.cycles,
      unstable: dump.unstable,
      metrics: { stats, wakes, retakes, byPort, arena, ...histograms },
      lately: {
        latency: percentiles(between(last.metrics.schedulingLatency, metrics.schedulingLatency)),
        hostDelay: percentiles(between(last.metrics.hostDelay, metrics.hostDelay)),
        cpus: threads.reduce((sum, { cpu = 0 }) => sum + cpu, 0),
      },
    };
  }

  #threads(at: number, dump: Dump, last: Dump, ms: number): SampledThread[] {
    const before = new Map(last.threads.map(({ tid, cpuMs }) => [tid, cpuMs]));
    const turns = this.#turns;
    this.#turns = new Map();
    return dump.threads.map((thread) => {
      const [from, to] = [before.get(thread.tid), thread.cpuMs];
      const cpu = from === undefined || to === undefined ? undefined : Math.max(0, (to - from) / ms);
      const hogMs = this.#hogMs(at, thread, turns);
      return { ...thread, ...(cpu !== undefined && { cpu }), ...(hogMs !== undefined && { hogMs }) };
    });
  }

  /** How long the task that has its turn on it has kept it, if that is long. Who blocks in `ctx.blocking`, or awaits, keeps nobody waiting. */
  #hogMs(
    at: number,
    { tid, state, runs, ran }: DumpedThread,
    turns: ReadonlyMap<number, Turn>,
  ): number | undefined {
    if (runs === undefined || !KEEPING.includes(state)) return undefined;
    const turn = `${runs} ${ran}`;
    const known = turns.get(tid);
    const begun = known?.turn === turn ? known : { turn, since: at };
    this.#turns.set(tid, begun);
    const ms = at - begun.since;
    return ms >= HOG ? ms : undefined;
  }
}

function groupsOf({ tasks }: Dump): TaskGroup[] {
  const groups = new Map<string, { name: string; module: string; state: string; count: number }>();
  for (const { name, module, state } of tasks) {
    const key = `${state} ${name} ${module}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { name, module, state, count: 1 });
    else known.count++;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).slice(0, MOST);
}

/** Where somebody waits is looked at first. */
function weight({ waiting, heldBy }: DumpedObject): number {
  return waiting.reduce((sum, { count }) => sum + count, 0) * 2 + heldBy.length;
}

function percentiles({ count, sum, p50, p90, p99, p999, max }: Histogram): Percentiles {
  return { count, sum, p50, p90, p99, p999, max };
}

/** What was recorded in between: of the same bucket of both, the difference. */
export function between(before: Histogram, after: Histogram): Histogram {
  const old = new Map(before.buckets);
  const buckets = after.buckets.map(([highest, count]): [number, number] => [
    highest,
    count - (old.get(highest) ?? 0),
  ]).filter(([, count]) => count > 0);
  return histogramOf(buckets, after.sum - before.sum);
}
