/**
 * What a scheduler can do here: {@linkcode Scheduler.capabilities}. Without Heddle's native shim none of these is there, and all else
 * is: tasks, channels, locks, blocking calls, dedicated threads. The shim runs on Linux on x86-64 and aarch64, with
 * `--allow-ffi`.
 */
export interface Capabilities {
  /** A task whose slice is over can be frozen: `preempt`, and `runawayMs`. */
  readonly preemption: boolean;
  /** Native threads: {@linkcode Scheduler.dlopen} and {@linkcode Scheduler.thread}. */
  readonly native: boolean;
  /**
   * Threads can have an `affinity`, a `nice` value and a name ({@linkcode ThreadOptions}), and their `tid` is the kernel's. Otherwise
   * names are ignored, and `tid` is a number that only this process knows.
   */
  readonly threadOptions: boolean;
  /** Tasks can wait for descriptors: {@linkcode readable}, {@linkcode pollable}. */
  readonly poller: boolean;
}

/** What `Shim` says of itself, for whoever asks for more. */
export interface Tier {
  readonly capabilities: Capabilities;
  /** Why there is less than there could be, and what would do. Empty: there is all. */
  readonly lack: string;
}

/** Throws a TypeError where `what` takes something that is not there. */
export function requireCapability(
  { capabilities, lack }: Tier,
  capability: keyof Capabilities,
  what: string,
): void {
  if (capabilities[capability]) return;
  throw new TypeError(`${what} takes Heddle's native shim, which is missing: ${lack}.`);
}
