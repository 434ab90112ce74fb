/** What a scheduler is started with. */
import { requireCapability } from "../../ffi/capabilities.ts";
import type { Shim } from "../../ffi/shim.ts";
import { leastArenaBytes } from "../arena/arena.ts";
import { MAX_PROCS } from "../arena/layout/p.ts";
import { MAX_NATIVE_THREADS } from "../arena/layout/native.ts";
import { procsOfEnvironment, procsOfMachine, requireProcs } from "../sysmon/procs.ts";
import type { TaskDefinition } from "../tasks/define.ts";
import { type Names, requireInteger, shown } from "../tasks/options.ts";
import type { Stall } from "./stall.ts";
import type { PerThread } from "../tasks/per_thread.ts";
import { requireWarm, type Warm } from "./warm.ts";

/** Milliseconds that fit a word of the arena. */
const MAX_MS = 2 ** 31 - 1;

/** Options of {@linkcode Scheduler.start}. */
export interface SchedulerOptions {
  /**
   * How many threads run tasks at the same instant (GOMAXPROCS), from 1 to 256. Default: `HEDDLE_PROCS`, or the CPUs
   * that the process may use, by its affinity mask and its cgroups' CPU quotas, or by `navigator.hardwareConcurrency`.
   */
  procs?: number;
  /**
   * Threads in all: those of the pool, a spare one, and the dedicated ones. Default: 64, or twice `procs`. Tasks wait while the
   * system gives fewer, and a warning says so once.
   */
  maxThreads?: number;
  /**
   * Tasks of the host that are known to the threads at once, of which those in the background are half at most. More may be
   * started: they wait here. Default: 65536.
   */
  maxTasks?: number;
  /**
   * Tasks that may wait for a thread: with so many `go` throws a {@linkcode QueueFullError}. See {@linkcode Scheduler.ready}.
   * Those in the background count for others of these only. Default: no limit.
   */
  maxQueue?: number;
  /**
   * Bytes of the shared memory. Only what is touched takes memory. Arguments and results that find no room there go by message
   * port, which is slower; a value that is sent to a {@linkcode Channel} is refused. Default: 256 MiB.
   */
  arenaBytes?: number;
  /**
   * Threads for native calls, from 1 to 4096: see {@linkcode Scheduler.dlopen}. They are started as calls need them, and
   * end when they have been idle for some seconds. Default: 512.
   */
  maxNativeThreads?: number;
  /**
   * Whether the watchdog takes the P of a task whose time slice is over while others wait for one. Its thread is frozen
   * where it is, by a signal (SIGURG), and goes on when it is its turn again. What is not JavaScript or WebAssembly by then
   * (a foreign function, `JSON.parse`) cannot be frozen: it loses its P, and runs on beside. Default: whether it can be done
   * here, see {@linkcode Capabilities}.
   *
   * After Go 1.14's asynchronous preemption (golang/go#24543).
   */
  preempt?: boolean;
  /**
   * Milliseconds that a task may run on end while others wait for a P, at least 1; after that
   * {@linkcode TaskContext.shouldYield} is true, and it may be preempted. Default: 10, as in Go.
   */
  sliceMs?: number;
  /**
   * Milliseconds of CPU time that a task may use on end, without an `await`, before it is abandoned: it rejects with a
   * {@linkcode TaskAbandonedError}, what else had begun on its thread with a {@linkcode ThreadDiedError}, and the thread is
   * frozen for good. At least twice `sliceMs`. It takes {@linkcode Capabilities.preemption}. Default: no limit.
   */
  runawayMs?: number;
  /**
   * Called on the host once for each time that a task has run for `stallMs` on end. What it throws is an uncaught error.
   * Default: nobody hears of it.
   */
  onStall?: (stall: Stall) => void;
  /** Milliseconds after which a task that runs on is reported to `onStall`. Default: 100. */
  stallMs?: number;
  /**
   * Limit of one thread's JavaScript heap in MB. A thread that reaches it dies, the process does not. V8 (15) does not notice
   * it in optimised code of a loop that calls no function of JavaScript: give `runawayMs` as well. Default: 2048.
   */
  heapLimitMb?: number;
  /**
   * Modules that every thread of the pool imports before `Scheduler.start` resolves, and each later one as it starts: so no task has
   * to wait for that. Tasks stand for the modules that define them. What {@linkcode perThread} makes is opened, too, on the first
   * `procs` threads. It rejects if one cannot be imported, or opened. Default: none; a module is imported with the first task that
   * needs it.
   */
  warm?: readonly (string | URL | TaskDefinition<never[], unknown> | PerThread<unknown>)[];
  /**
   * Whether operations reject with a {@linkcode DeadlockError} when every task waits for another one and nothing can end
   * that: no timer, no promise of the world outside, and nothing shared that the host has a handle of. Give false if the
   * host may still start a task that finds a channel in its module and sends to it. Default: true.
   *
   * The host's own operations wait for as long as they like: its code may send from a timer or a request, and nobody can
   * know that it will not.
   */
  detectDeadlocks?: boolean;
  /**
   * Whether a {@linkcode Scheduler.dump} also says of each task what it awaits, since when, and where in the source, and which
   * locks it holds; children that never left their parent's thread are in it, too, and mutexes that one thread alone knows. Each
   * `await` of a task then takes 30 us more, for its stack, and each task that has begun, each of its awaits and each lock that it
   * holds 128 bytes of the shared memory, a mutex the same. Default: false, which costs nothing.
   *
   * After Go's dump of all goroutines, and tokio's task dumps. It takes V8's promise hooks (`node:v8`).
   */
  stacks?: boolean;
  /** What the scheduler is called in dumps, for a program that has several. Default: it has no name. */
  name?: string;
  /**
   * A signal at which the text of {@linkcode Scheduler.dump} goes to standard error: "SIGQUIT" is Ctrl-\ in a terminal, and asks a
   * Go program for the same. The program goes on; without this it would end. It is printed by the host's event loop, which
   * need not wait for any thread. Default: none.
   */
  dumpOn?: Deno.Signal;
}

export const SCHEDULER_OPTIONS = {
  procs: true,
  maxThreads: true,
  maxTasks: true,
  maxQueue: true,
  arenaBytes: true,
  maxNativeThreads: true,
  preempt: true,
  sliceMs: true,
  runawayMs: true,
  onStall: true,
  stallMs: true,
  heapLimitMb: true,
  warm: true,
  detectDeadlocks: true,
  stacks: true,
  name: true,
  dumpOn: true,
} satisfies Names<SchedulerOptions>;

/** The same, checked and complete. `stallMs` is 0 if nobody wants to hear of it, `runawayMs` if there is no limit. */
export interface Settings
  extends Readonly<Required<Omit<SchedulerOptions, "warm" | "onStall" | "name" | "dumpOn">>> {
  /** Nobody has said how many Ps: there are as many as the machine has room for at the time. */
  readonly followsMachine: boolean;
  readonly warm: readonly Warm[];
  readonly onStall: SchedulerOptions["onStall"];
  readonly name: SchedulerOptions["name"];
  readonly dumpOn: SchedulerOptions["dumpOn"];
}

/** Throws a RangeError for what is out of its range, a TypeError for what is of no use. */
export function settingsOf(options: SchedulerOptions, shim: Shim): Settings {
  const {
    preempt = shim.capabilities.preemption,
    detectDeadlocks = true,
    stacks = false,
    onStall,
    name,
    dumpOn,
  } = options;
  if (preempt) requireCapability(shim, "preemption", "preempt: true");
  if (name !== undefined && typeof name !== "string") {
    throw new TypeError(`Scheduler.start: name is ${shown(name)}: give a string.`);
  }
  const given = options.procs === undefined ? procsOfEnvironment() : requireProcs(options.procs);
  const procs = given ?? procsOfMachine(shim);
  const number = (name: keyof SchedulerOptions, usual: number, least: number, most: number, why?: string) =>
    requireInteger(name, options[name] ?? usual, least, most, why);
  const why = `procs is ${procs}, and one is spare`;
  const maxThreads = number("maxThreads", Math.max(64, 2 * procs), procs + 1, 4 * MAX_PROCS, why);
  const maxTasks = number("maxTasks", 65536, 1, 1 << 21);
  const { maxQueue = Infinity } = options;
  if (maxQueue !== Infinity) requireInteger("maxQueue", maxQueue, 1);
  const leastBytes = leastArenaBytes(maxTasks, maxThreads);
  const shape = `maxTasks is ${maxTasks}, maxThreads ${maxThreads}`;
  const arenaBytes = number("arenaBytes", Math.max(256 << 20, 2 * leastBytes), leastBytes, 2 ** 31, shape);
  const heapLimitMb = number("heapLimitMb", 2048, 16, 65536);
  const maxNativeThreads = number("maxNativeThreads", 512, 1, MAX_NATIVE_THREADS);
  // Go's forcePreemptNS.
  const sliceMs = number("sliceMs", 10, 1, MAX_MS);
  const stallMs = number("stallMs", 100, 1, MAX_MS);
  return {
    procs,
    followsMachine: given === undefined,
    maxThreads,
    maxTasks,
    maxQueue,
    arenaBytes,
    maxNativeThreads,
    heapLimitMb,
    warm: requireWarm(options.warm),
    preempt,
    sliceMs,
    stallMs: onStall === undefined ? 0 : stallMs,
    runawayMs: runawayMsOf(options.runawayMs, sliceMs, preempt, shim),
    onStall,
    detectDeadlocks,
    stacks,
    name,
    dumpOn,
  };
}

function runawayMsOf(runawayMs = Infinity, sliceMs: number, preempt: boolean, shim: Shim): number {
  if (runawayMs === Infinity) return 0;
  requireInteger("runawayMs", runawayMs, 2 * sliceMs, MAX_MS, `sliceMs is ${sliceMs}`);
  requireCapability(shim, "preemption", "runawayMs");
  if (!preempt) {
    throw new TypeError(
      "runawayMs was given and preempt is false: only what can be frozen can be abandoned.",
    );
  }
  return runawayMs;
}
