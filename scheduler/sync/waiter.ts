/**
 * A parked operation on something that tasks share (Go's sudog): a send or a receive, the wish for a lock, one case of a
 * select. Its isolate has this object; an operation on an object of the arena has a record there too, by which other
 * isolates find it. wait_queue.ts has the queues of both kinds.
 */
import { whenAborted } from "../queues/cancellation.ts";
import type { Isolate } from "./isolate.ts";
import { promiseOf, Rejection, type Resolver, silence } from "../tasks/task.ts";
import type { LocalQueue } from "./wait_queue.ts";

/** How a parked operation ended: W_OUTCOME, or the argument of `Waited.ended`. */
export const DONE = 1;
/** The channel was closed. */
export const CLOSED = 2;
/** A thread died that held the lock. */
export const POISONED = 3;

/** What an operation waits for. */
export interface Waited {
  readonly isolate: Isolate;
  /**
   * The operation has ended. If it was parked in the arena, its record has the result, and is the isolate's again once
   * this returns.
   */
  ended(waiter: Waiter, outcome: number): void;
  /** Takes a parked operation back. False: it has ended, and `ended` was called or will be. */
  withdraw(waiter: Waiter): boolean;
  /** For a report of who waits for what. */
  describe(waiter: Waiter): string;
}

/** What a promise that is not there is settled with. */
export function nobody(): never {
  throw new Error("Heddle: an operation without a promise was settled.");
}

/** Parked operations come in hundreds of thousands: so there is no field here that few of them need. */
export class Waiter implements Resolver {
  waited: Waited;
  /** What `waited` wants to know of it: which operation it is. */
  readonly role: number;
  resolve: (value: unknown) => void = nobody;
  /** What a sender sends, and what a receiver got, on a channel that is known here alone. */
  value: unknown = undefined;
  /** In a queue of this isolate: its neighbours. */
  next: Waiter | LocalQueue | undefined = undefined;
  previous: Waiter | LocalQueue | undefined = undefined;
  /** A word's index in the arena; 0: known here alone. */
  record = 0;
  /** The select that it is a case of. */
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
    if (signal !== undefined) {
      try {
        this.release = whenAborted(signal, (reason) => {
          if (this.withdraw()) this.fail(reason);
        });
      } catch (error) {
        // Its methods may be the user's.
        if (this.withdraw()) this.fail(error);
      }
    }
    return promise;
  }

  /** Takes it back, or the select that it is a case of. False: that has ended. */
  withdraw(): boolean {
    return this.selection === undefined ? this.waited.withdraw(this) : this.selection.claim();
  }

  /** As all is closing: also if it has ended elsewhere, since the mail that says so will not be read. */
  abandon(error: unknown): void {
    // One that was before it in a queue may have ended it here.
    if (this.record === 0 && this.next === undefined) return;
    this.withdraw();
    this.fail(error, true);
  }

  /** After it was taken back. `isQuiet`: then it is no unhandled rejection. */
  fail(error: unknown, isQuiet = false): void {
    if (this.selection !== undefined) return this.selection.fail(error, isQuiet);
    this.waited.isolate.unparked(this);
    if (isQuiet) silence(this.promise!);
    this.reject(error);
  }

  reject(error: unknown): void {
    this.resolve(new Rejection(error));
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
