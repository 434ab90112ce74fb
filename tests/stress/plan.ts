/** What a round is like: the scheduler's options, and what may happen in it. */
import type { SchedulerOptions } from "@heddle/heddle";
import { preemption } from "../support/capabilities.ts";
import type { Random } from "./random.ts";

/** Bytes of the arena. */
const ARENA = 64 << 20;

export interface Plan {
  readonly options: SchedulerOptions & {
    readonly procs: number;
    readonly maxThreads: number;
    readonly maxTasks: number;
    readonly arenaBytes: number;
  };
  /** Threads die in this round. */
  readonly isDeadly: boolean;
  /** Tasks run on for ever, and what ends that: `runawayMs`, or close(). */
  readonly hasRunaways: boolean;
  readonly closesInTheMiddle: boolean;
}

export function planOf(random: Random): Plan {
  const procs = 1 + random.below(3);
  const maxThreads = procs + 1 + random.below(5);
  const maxTasks = random.chance(20) ? 8 : 4096;
  const isDeadly = random.chance(30);
  const closesInTheMiddle = random.chance(25);
  const preempt = random.chance(85) && preemption.isThere;
  const abandons = preempt && isDeadly && random.chance(40);
  const options = {
    procs,
    maxThreads,
    maxTasks,
    arenaBytes: ARENA,
    heapLimitMb: isDeadly ? 32 : undefined,
    preempt,
    sliceMs: random.of([1, 1, 2, 10]),
    // Of CPU time: more than anything else here computes on end.
    runawayMs: abandons ? 200 : undefined,
    stallMs: random.of([1, 10, 50]),
    maxNativeThreads: random.chance(20) ? 1 + random.below(4) : undefined,
    detectDeadlocks: random.chance(80),
  };
  return {
    options,
    isDeadly,
    hasRunaways: abandons || (preempt && closesInTheMiddle && random.chance(40)),
    closesInTheMiddle,
  };
}

export function describe({ options, ...rest }: Plan): string {
  return Deno.inspect({ ...options, ...rest }, { compact: true, breakLength: 110 });
}
