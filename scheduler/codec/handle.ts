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

/** Of others the members may be getters, as of an AbortSignal: to look whether it is aborted is to read the mail. */
function isPlainWithHandle(arg: Record<string, unknown>): boolean {
  if (Object.getPrototypeOf(arg) !== Object.prototype) return false;
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
  readonly bridges: Bridges | undefined;
}

/** What goes on between two isolates once it has been passed on: a signal as an argument of a task, a stream anywhere. */
export type Bridged = AbortSignal | ReadableStream | WritableStream;

export const SIGNAL = 0;
export const READABLE = 1;
export const WRITABLE = 2;

/** Which of them it is; undefined: none. */
export function bridgedKind(value: object): typeof SIGNAL | typeof READABLE | typeof WRITABLE | undefined {
  if (value instanceof AbortSignal) return SIGNAL;
  if (value instanceof ReadableStream) return READABLE;
  return value instanceof WritableStream ? WRITABLE : undefined;
}

/** The side of who starts the task. */
export interface Crossing {
  /** The arguments are on their way. */
  begin(): void;
  /** The task has ended, or does not begin. */
  end(): void;
}

/** How they cross: sync/bridges.ts. */
export interface Bridges {
  /** Arguments are about to be written, perhaps by a getter in the middle of others. Returns what `close` is to get. */
  open(): unknown;
  /** They are written, or could not be. */
  close(opened: unknown): Crossing | undefined;
  /**
   * Handles that are passed on in the place of one that is being written. Outside of arguments `begins` gets what is to be called when
   * the value is on its way. Throws a Refusal if it is for arguments alone.
   */
  parts(value: Bridged, begins: (() => void)[]): readonly Handle[];
  /** What is made of them. */
  arrive(kind: number, parts: readonly Handle[]): Bridged;
  /** What arrives now nobody wants: the other end is told. */
  isDropping: boolean;
}
