/**
 * A parked operation on something that tasks share (Go's sudog): a send or a receive, the wish for a lock, one case of a
 * select. Its isolate has this object; an operation on an object of the arena has a record there too, by which other
 * isolates find it. wait_queue.ts has the queues of both kinds.
 */
import { whenAborted } from "../queues/cancellation.ts";
import { noPromise, promiseOf, reject, type Resolver, silence } from "../tasks/promise.ts";
import type { LocalQueue, Parked } from "./wait_queue.ts";

/** Where operations are parked: an isolate. */
export interface Lot {
  /** The operation is in a queue. */
  park(waiter: Waiter): void;
  /** It is in none any more, and what its record said has been read. */
  unparked(waiter: Waiter): void;
}

/** What an operation waits for. */
export interface Waited {
  readonly isolate: Lot;
  /**
   * The operation has been completed. If it was parked in the arena, its record has the result, and is the isolate's again
   * once this returns.
   */
  completed(waiter: Waiter, outcome: number): void;
  /** Takes a parked operation back. False: somebody has completed it, and `completed` was called or will be. */
  withdraw(waiter: Waiter): boolean;
  /** For a report of who waits for what. */
  describe(waiter: Waiter): string;
}

/**
 * Parked operations come in hundreds of thousands: so there is no field here that few of them need, and no private method, which would
 * take eight bytes of each.
 */
export class Waiter implements Parked, Resolver {
  waited: Waited;
  /** What `waited` wants to know of it: which operation it is. */
  role: number;
  resolve: (value: unknown) => void = noPromise;
  /** What a sender sends, and what a receiver got, on a channel that is known here alone. */
  value: unknown = undefined;
  queue: LocalQueue<Parked> | undefined = undefined;
  next: Parked | undefined = undefined;
  previous: Parked | undefined = undefined;
  /** A word's index in the arena; 0: known here alone. */
  record = 0;
  selection: Selection | undefined = undefined;
  /** Undoes what its signal set up. */
  release: (() => void) | undefined = undefined;
  promise: Promise<unknown> | undefined = undefined;

  constructor(waited: Waited, role: number) {
    this.waited = waited;
    this.role = role;
  }

  /** Makes its promise. `signal` takes it back. */
  start<T>(signal?: AbortSignal): Promise<T> {
    const promise = this.promise = promiseOf(this) as Promise<T>;
    if (signal !== undefined) follow(this, signal);
    return promise;
  }

  /** Takes it back, or the select that it is a case of. False: that has been completed. */
  withdraw(): boolean {
    return this.selection === undefined ? this.waited.withdraw(this) : this.selection.claim();
  }

  /** As all is closing: also if it was completed elsewhere, since the mail that says so will not be read. */
  abandon(error: unknown): void {
    // One that was before it in a queue may have completed it here.
    if (this.record === 0 && this.queue === undefined) return;
    this.withdraw();
    this.fail(error, true);
  }

  /** After it was taken back. `isQuiet`: then it is no unhandled rejection. */
  fail(error: unknown, isQuiet = false): void {
    if (this.selection !== undefined) return this.selection.fail(error, isQuiet);
    this.waited.isolate.unparked(this);
    if (isQuiet) silence(this.promise!);
    reject(this, error);
  }
}

function follow(waiter: Waiter, signal: AbortSignal): void {
  const end = (reason: unknown) => {
    if (waiter.withdraw()) waiter.fail(reason);
  };
  try {
    waiter.release = whenAborted(signal, end);
  } catch (error) {
    // Its methods may be the user's.
    end(error);
  }
}

/** A select, as its cases know it. */
export interface Selection {
  /** The case has been chosen, by who claimed it. */
  won(waiter: Waiter, outcome: number, value: unknown): void;
  claim(): boolean;
  /** A case was chosen. Of a select in the arena W_FIRED says so. */
  readonly isOver: boolean;
  /** The record whose W_FIRED decides; 0 while all its channels are known here alone. */
  main: number;
  fail(error: unknown, isQuiet: boolean): void;
}
