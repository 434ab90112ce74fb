/** The module that every thread starts with; it is bundled into worker_bundle.ts by `deno task build`. */
import { Shared } from "./parking/shared.ts";
import process from "node:process";
import v8 from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { errnoName, type Shim } from "../ffi/shim.ts";
import { joinTier } from "../ffi/tier.ts";
import { load, store } from "./arena/atomics.ts";
import * as heddle from "../mod.ts";
import "./locker_tasks.ts";
import type { PromiseHooks } from "./machine/await_watch.ts";
import { HeapWatch } from "./machine/heap_watch.ts";
import { Machine } from "./machine/machine.ts";
import { Arena } from "./arena/arena.ts";
import { CLOSING, PREEMPT } from "./arena/layout/header.ts";
import { METER_HEAP_USED } from "./arena/layout/meter.ts";
import { HOST, M_DEATH, M_GIVEN, M_LOCKS, M_PREEMPTIBLE, M_SLEEP, M_TID } from "./arena/layout/m.ts";
import { SideChannel } from "./slots/side_channel.ts";
import { Sysmon } from "./sysmon/sysmon.ts";
import { registry, splitKey } from "./tasks/define.ts";
import { tellUncaught } from "./machine/task_signal.ts";
import { HEAP_FULL, type ThreadStart, type Up } from "./host/thread_start.ts";
import { drainTrace } from "./host/trace.ts";
import { shown } from "./tasks/options.ts";
import type { PerThread } from "./tasks/per_thread.ts";
import { POOL } from "./parking/roles.ts";

/** The longest that a timer can take, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** Microseconds between looks whether there is a sysmon: as a thread starts, which takes several times that. */
const SYSMON_CHECK = 2000;

const { buffer, shape, isolate, shimPath, warm, port, life, drain } = workerData as ThreadStart;
registry.isThread = true;
registry.heddle = heddle;

const arena = new Arena(shape, buffer);
const shim = joinTier(shimPath);
// Else the kernel fires the timeouts of this thread's sleeps up to 50 us late.
shim.setTimerSlack(1);
const shared = new Shared(arena, shim);

// sysmon's ends by itself: Deno (2.9) never closes the event loop of a worker that exits while its module is evaluated.
const sysmonTid = arena.isolate(HOST) + M_TID;
if (drain !== undefined) {
  const isAlone = () => life !== undefined && shim.hasEnded(life);
  drainTrace(drain, shared, shim, isAlone, (message) => parentPort!.postMessage(message));
} else if (isolate === HOST) {
  store(arena.i32, sysmonTid, shim.gettid());
  new Sysmon(shared, shim, life).run();
} else if (isWatched()) runMachine();

/**
 * Where the host may end without a word, sysmon notices that: before there is one, no thread goes to sleep. False: the host
 * has ended already.
 */
function isWatched(): boolean {
  while (life !== undefined && load(arena.i32, sysmonTid) === 0) {
    if (shim.hasEnded(life)) return false;
    shared.futex.sleep(sysmonTid, 0, SYSMON_CHECK);
  }
  return true;
}

function runMachine(): void {
  if (load(arena.i32, PREEMPT) === 1) {
    const result = shim.makePreemptible(preemptible(arena, isolate, shim));
    if (result < 0) throw new Error(`A thread cannot be made preemptible: ${errnoName(result)}.`);
  }
  const tell = (bytes: number) => machine.hold.meter.set(METER_HEAP_USED, bytes);
  const watch = new HeapWatch(v8.getHeapStatistics, tell, () => {
    store(arena.i32, arena.isolate(isolate) + M_DEATH, HEAP_FULL);
    end(1);
  });
  // Nothing else keeps the thread's event loop from ending while it sleeps.
  const hold = setInterval(() => {}, LONGEST);

  /**
   * When all is closing, the thread ends because nothing is left to do, or is terminated by the host. It may have been already: if it
   * blocked in a foreign call then, or computed, it goes on as if nothing had happened, and process.exit() would loop for ever.
   */
  function end(code: number): void {
    if (load(arena.i32, CLOSING) === 0) process.exit(code);
    clearInterval(hold);
  }

  // Not a public function of Deno: where it is missing, no deadlock is ever found.
  const { core } = (Deno as unknown as Record<symbol, { core?: { eventLoopHasMoreWork?: () => boolean } }>)[
    (Deno as unknown as { internal: symbol }).internal
  ] ?? {};
  const hasMoreWork = core?.eventLoopHasMoreWork ?? (() => true);
  const isEventLoopEmpty = () => {
    // It holds the thread, and is no work.
    Deno.unrefTimer(hold as unknown as number);
    const isEmpty = !hasMoreWork();
    Deno.refTimer(hold as unknown as number);
    return isEmpty;
  };
  const thread = {
    isEventLoopEmpty,
    watchPromises: (hooks: PromiseHooks) => void v8.promiseHooks.createHook(hooks as never),
    goesOn: () => watch.goesOn(),
    exit: () => end(1),
  };
  const machine = new Machine(shared, isolate, shim, new SideChannel(port!), thread);
  registry.home = machine.home;

  // It would end the thread, and with it tasks that have nothing to do with it.
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    tellUncaught("in promise", event.reason);
  });

  // Not awaited: a module that is being evaluated is work of the event loop, which could never be found empty.
  begin(machine).then(() => machine.perThreads.close()).then(() => end(0), (error) => {
    // An invariant is broken. Better no thread than one that holds its tasks for ever.
    console.error("A Heddle thread ends:", error);
    end(1);
  });
}

async function begin(machine: Machine): Promise<void> {
  parentPort!.postMessage(warm.length === 0 ? {} : await warmUp(machine));
  await machine.run();
}

/**
 * Nothing runs here so far, so no P is needed. Its tasks will say more of a module that cannot be imported. A spare thread may
 * never be needed, and a model takes memory: it opens nothing.
 */
async function warmUp({ perThreads }: Machine): Promise<Up> {
  let up: Up = {};
  for (const { module, perThread } of warm) {
    let did = `${module}, which was to be warm, did not load in a thread.`;
    try {
      await import(module);
      if (perThread === undefined || shared.roles.of(isolate) !== POOL) continue;
      did = `What ${module} defines as "${
        splitKey(perThread)[1]
      }", which was to be warm, did not open in a thread.`;
      await perThreads.open(found(perThread));
    } catch (cause) {
      up = { cold: did, cause: shown(cause) };
    }
  }
  return up;
}

function found(key: string): PerThread<unknown> {
  const perThread = registry.perThreads.get(key);
  if (perThread !== undefined) return perThread;
  throw new Error("the module does not call perThread() at its top level as a thread imports it");
}

/** The struct that the handler of SIGURG has of this thread: its address. */
function preemptible(arena: Arena, isolate: number, shim: Shim): number {
  const address = (word: number) => shim.addressOf(arena.u8.subarray(word * 4));
  const record = arena.isolate(isolate);
  const struct = new Float64Array(arena.buffer, (record + M_PREEMPTIBLE) * 4, 4);
  struct.set([
    address(record + M_SLEEP),
    address(record + M_LOCKS),
    address(record + M_GIVEN),
    address(arena.codeRanges),
  ]);
  return shim.addressOf(struct);
}
