/** What the host tells a new thread, and what a thread leaves in M_DEATH if it can. */
import type { MessagePort } from "node:worker_threads";
import type { ArenaShape } from "../arena/arena.ts";
import type { DrainStart } from "./trace_drain.ts";
import type { Warm } from "./warm.ts";

export interface ThreadStart {
  readonly buffer: SharedArrayBuffer;
  readonly shape: ArenaShape;
  /** Its number; the host's for sysmon and for who drains a trace, which have none. */
  readonly isolate: number;
  /** What the thread evaluates: worker_main.ts in one piece. */
  readonly bundle: string;
  /** Of the shim. Empty: this scheduler has none. */
  readonly shimPath: string;
  /** Of the host's thread, if it may end before the process does: see `Shim.hasEnded`. */
  readonly life?: number;
  /** What it imports before it begins, and opens if it is of the pool. */
  readonly warm: readonly Warm[];
  /** To the host. sysmon has none. */
  readonly port?: MessagePort;
  /** It drains a trace, and does nothing else. */
  readonly drain?: DrainStart;
}

/** What a thread tells the host as it begins: that it does, and what it could not import or open. */
export interface Up {
  readonly cold?: string;
  readonly cause?: string;
}

export const HEAP_FULL = 1;
