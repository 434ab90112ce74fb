/**
 * What there is of the system without the native shim: a clock, and the number of CPUs. Threads sleep in `Atomics.wait`
 * (`Futex` in scheduler/arena/atomics.ts), nobody is frozen, and no function of C is reached: what takes one throws. This takes no
 * permission, and runs wherever Deno does.
 *
 * Some things cannot be known, and are no matter of `capabilities`:
 *
 * - When the host's thread ends without `close()`, as a Worker by `terminate()`, nobody notices: its threads sleep on, without
 *   CPU time, until the process ends.
 * - Whether a worker would find the descriptors that Deno (2.9) ends the process without. If not one is left, it looks as if
 *   there were no /proc.
 * - How much of the CPU a thread had. It is taken to have had all of it.
 * - When a thread that was terminated has ended. Nothing waits for that but `deno test --coverage`, which may lack what such a
 *   thread has counted.
 */
import { threadId } from "node:worker_threads";
import type { Shim } from "./shim.ts";

const ENOENT = 2;

/** Without it Deno (2.9) ends the process as a worker starts, and does not know how much of its memory is resident. */
export function lacksProc(): boolean {
  return Deno.memoryUsage().rss === 0;
}

/** `lack`: see `Tier`. */
export function shimless(lack: string): Shim {
  // Of one origin in all isolates, and small enough to be exact to 8 ns.
  const origin = performance.timeOrigin - Date.UTC(2026, 0);
  const nowNs = () => (origin + performance.now()) * 1e6;
  const nothing = () => 0;
  const unreachable = () => {
    throw new Error("Without the native shim this cannot be reached.");
  };
  return {
    capabilities: { preemption: false, native: false, threadOptions: false, poller: false },
    lack,
    path: "",
    // Nobody gives it to C.
    addressOf: nothing,
    gettid: () => threadId,
    tryWorker: () => lacksProc() ? -ENOENT : 0,
    life: () => undefined,
    hasEnded: () => false,
    cpus: () => navigator.hardwareConcurrency,
    // There is no such call, and the shortest sleep takes 70 us.
    yieldCpu: nothing,
    nowNs,
    ticks: nowNs,
    setThreadName: nothing,
    getAffinity: () => [],
    setTimerSlack: nothing,
    cpuNs: nowNs,
    close() {},
    bufferAddress: unreachable,
    pointerAddress: unreachable,
    nativeWake: unreachable,
    futexWait: unreachable,
    futexWake: unreachable,
    cpu: unreachable,
    setAffinity: unreachable,
    setNice: unreachable,
    setFifoPriority: unreachable,
    installPreemption: unreachable,
    makePreemptible: unreachable,
    preempt: unreachable,
    readCode: unreachable,
    pollOpen: unreachable,
    pollControl: unreachable,
    pollTake: unreachable,
    closeDescriptor: unreachable,
    pollerOpen: unreachable,
    pollerArm: unreachable,
    // There is none.
    pollerClose() {},
  };
}
