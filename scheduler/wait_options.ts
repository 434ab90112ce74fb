/** What an operation that may have to wait is told. */

/** Options of an operation that may have to wait. */
export interface WaitOptions {
  /** Aborting it takes the operation back: it rejects with the signal's reason. A task passes its `ctx.signal`. */
  signal?: AbortSignal;
}

/** Looked at before anything is parked: what waits without a promise would take a value that nobody gets. */
export function signalOf(options: WaitOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  const { signal } = options;
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new TypeError(`signal is ${String(signal)}: give an AbortSignal.`);
}
