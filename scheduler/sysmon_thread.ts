/** sysmon's thread, as the host has it. */
import { Worker } from "node:worker_threads";
import type { Shim } from "../ffi/shim.ts";
import { type Futex, store } from "./atomics.ts";
import { type Arena, SYSMON } from "./memory_layout.ts";
import { SYSMON_ISOLATE } from "./sysmon.ts";
import type { ThreadStart } from "./thread_start.ts";
import { bundleUrl, entry } from "./threads.ts";

export class SysmonThread {
  readonly #arena: Arena;
  readonly #futex: Futex;
  readonly ended: Promise<void>;

  constructor(arena: Arena, shim: Shim, futex: Futex) {
    this.#arena = arena;
    this.#futex = futex;
    const start: Omit<ThreadStart, "port"> = {
      buffer: arena.buffer,
      shape: arena.shape,
      isolate: SYSMON_ISOLATE,
      bundle: bundleUrl(),
      shimPath: shim.path,
    };
    const worker = new Worker(entry, { workerData: start });
    worker.unref();
    this.ended = new Promise((resolve) => worker.once("exit", () => resolve()));
  }

  /** It looks at everything at once. */
  kick(): void {
    store(this.#arena.i32, SYSMON, 0);
    this.#futex.wake(SYSMON);
  }
}
