/** What a scenario is, and what it may use besides the modules under test. */
import { collectObject } from "./promises.ts";
import { Failure } from "./races.ts";
import {
  $maybe,
  $pause,
  hasEnded,
  kill as killThread,
  now,
  pick,
  type Routine,
  type Rules,
  signal,
} from "./world.ts";

export { count, isAsleep, isEventLoopEmpty } from "./world.ts";

/**
 * Two to four threads, each a few operations of the real modules. What they share in JavaScript they only write, for `end` to
 * read: the checker knows of the shared words alone.
 */
export interface Scenario {
  /** A sentence, by which it is called and chosen. */
  readonly name: string;
  /** Preemptions: switches from a thread that could have gone on. */
  readonly bound: number;
  /** In the short set, with this bound. */
  readonly short?: number;
  readonly rules?: Partial<Rules>;
  setUp(): Setting;
}

export interface Setting {
  readonly arena: { readonly i32: Int32Array };
  /** By name. A promise that one returns is waited for, in its event loop. */
  readonly threads: Record<string, () => unknown>;
  /** By the name of a thread: how it handles the signal that `shim.preempt` sends. */
  readonly handlers?: Record<string, () => unknown>;
  /** Threads that have run until they all stand still when the others begin. */
  readonly first?: readonly string[];
  /** Threads that need not end: they may sleep when all stand still. */
  readonly sleepers?: readonly string[];
  /** Before each step. It looks at the state of the world, and is not asked again where a run begins as the last one did. */
  always?(): void;
  /** All stand still. */
  end(): void;
}

/** The scenario does not hold. */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new Failure(what);
}

export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Failure(`${what}: ${is}, and it should be ${should}`);
}

/** One of `count`, each of which is tried. */
export function oneOf(count: number): number {
  return pick(count);
}

/** The collector takes an object, and its registries hear of it in the calling thread. */
export function collect(object: object): Routine {
  return collectObject(object);
}

/** A thread dies at whatever step it has come to, if `may` holds there; else a step later. Its burial is the caller's. */
export function kill(thread: string, may: () => unknown): Routine {
  return killThread(thread, may);
}

/** An AbortSignal whose listeners are interrupted as any code. */
export class ModelSignal {
  static {
    Object.setPrototypeOf(this.prototype, AbortSignal.prototype);
  }

  aborted = false;
  reason: unknown = undefined;
  readonly listeners = new Set<() => unknown>();

  addEventListener(_type: string, listener: () => unknown): void {
    this.listeners.add(listener);
  }

  removeEventListener(_type: string, listener: () => unknown): void {
    this.listeners.delete(listener);
  }
}

export function* abort(signal: ModelSignal, reason: unknown): Routine {
  signal.aborted = true;
  signal.reason = reason;
  for (const listener of [...signal.listeners]) yield* $maybe(listener());
}

/** The shim, as far as the modules need it. */
export const shim = {
  path: "",
  gettid: () => 1,
  nowNs: () => now(),
  *yieldCpu(site: number): Routine<number> {
    yield* $pause(site);
    return 0;
  },
  cpu: () => 0,
  setTimerSlack: () => 0,
  getAffinity: (tid: number) => hasEnded(threadOf(tid)) ? [] : [0, 1],
  addressOf: () => 0,
  *preempt(tid: number, site: number): Routine<number> {
    return (yield* signal(threadOf(tid), site)) ? 0 : -3;
  },
  /** As far as the caller can tell, all others have used all of its time. */
  cpuNs: () => now(0),
  readCode: () => 0,
};

/** Threads are numbered as their isolates are. */
function threadOf(tid: number): string {
  return `M${tid}`;
}

/** The same for a thread to which so many nanoseconds pass from one look at the clock to the next. */
export function shimWithTick(tick: number): typeof shim {
  return { ...shim, nowNs: () => now(tick) };
}
