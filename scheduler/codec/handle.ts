/** What a handle is: a value that tasks share instead of copying it. And what the codec needs of who keeps them. */

/** The method by which the codec knows a handle: it returns what can be shared. */
export const HANDLE: unique symbol = Symbol.for("heddle.handle") as typeof HANDLE;

export interface Handle {
  /** A Shareable (handles.ts); the public types do not tell. */
  readonly [HANDLE]: unknown;
}

export function isHandle(value: unknown): boolean {
  return typeof value === "object" && value !== null && HANDLE in value;
}

/** Whether there are some among a task's arguments: in them, or one level further in. Of an array the first element tells. */
export function hasHandles(args: readonly unknown[]): boolean {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (typeof arg !== "object" || arg === null) continue;
    if (HANDLE in arg) return true;
    if (Array.isArray(arg) ? isHandle(arg[0]) : isPlainWithHandle(arg as Record<string, unknown>)) {
      return true;
    }
  }
  return false;
}

function isPlainWithHandle(arg: Record<string, unknown>): boolean {
  for (const key in arg) if (isHandle(arg[key])) return true;
  return false;
}

/** One isolate's references to what it shares: handles.ts. */
export interface References {
  /** References that were sent from here: tells a writer whether what it wrote has some. */
  readonly departures: number;
  /** The object of a handle that is being encoded. `depart` follows when the whole value is. */
  share(handle: Handle): number;
  /** One more reference is on its way. */
  depart(object: number): void;
  /** The handle of a reference that has arrived. */
  arrive(object: number): Handle;
  readonly signals: SignalRelays | undefined;
}

/** The way of AbortSignals among the arguments of tasks: sync/signal_relay.ts. */
export interface SignalRelays {
  /** Arguments are about to be written, perhaps by a getter in the middle of others. Returns what `end` is to get. */
  begin(): unknown;
  /** They are written. Returns what to call when the task has ended, if there are signals among them. */
  end(begun: unknown): (() => void) | undefined;
  /** Of a signal that is being encoded: what is passed on in its place, an object as a handle's. Throws a Refusal if that is no argument. */
  relay(signal: AbortSignal): number;
  /** The signal that is passed on by that. */
  arrive(object: number): AbortSignal;
}
