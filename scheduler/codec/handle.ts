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
}
