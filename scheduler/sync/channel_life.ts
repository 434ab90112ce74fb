/**
 * What the two lives of a channel have in common. It begins **local**, plain objects of the isolate that made it, and
 * becomes **shared** when it is sent somewhere else: then its state moves to the arena, once and for all.
 *
 * Each operation first attempts what can be done at once. A select does so with several channels, all of them locked, and
 * `collect` follows after the unlock. All of that has the room on the stack that was asked for at the begin.
 */
import type { Received } from "./channel_ends.ts";
import { ChannelClosedError } from "../tasks/errors.ts";
import { reject } from "../tasks/promise.ts";
import type { Isolate } from "./isolate.ts";
import { CHANNEL_CLOSED } from "./outcome.ts";
import type { Waited, Waiter } from "./waiter.ts";

// What a waiter is doing.
export const RECEIVE = 1;
/** Of `for await` and `recvOrDone`. */
export const NEXT = 2;
export const SEND = 3;
export type Receiving = typeof RECEIVE | typeof NEXT;

export const OVER: { value: undefined; done: true } = Object.freeze({
  value: undefined,
  done: true as const,
});

export abstract class ChannelLife implements Waited {
  readonly isolate: Isolate;
  readonly capacity: number;
  /** One for all that were parked here, maybe a million: where it was made tells none of them anything. */
  #closedMeanwhile: Error | undefined = undefined;

  constructor(isolate: Isolate, capacity: number) {
    this.isolate = isolate;
    this.capacity = capacity;
  }

  abstract readonly name: string;
  abstract readonly length: number;
  abstract readonly isClosed: boolean;
  abstract receive(role: Receiving, signal?: AbortSignal): Promise<unknown>;
  abstract send(value: unknown, signal?: AbortSignal): Promise<void>;
  abstract tryReceive(): Received<unknown> | undefined;
  abstract trySend(value: unknown): boolean;
  abstract close(): void;

  /** A value ready to be sent. Throws a DataCloneError. No lock is held. */
  abstract stage(value: unknown): unknown;
  abstract attemptReceive(): number;
  abstract attemptSend(staged: unknown): number;
  /** What was received by the last attempt that succeeded. Completes what was parked and had a part in it. */
  abstract collect(): unknown;
  /** What it is to send is staged. */
  abstract enqueue(waiter: Waiter, staged: unknown): void;
  abstract withdraw(waiter: Waiter): boolean;
  abstract completed(waiter: Waiter, outcome: number): void;

  /** The promise of a receive that was done at once. */
  received(role: Receiving, value: unknown): Promise<unknown> {
    return this.isolate.doneWith(resultOf(role, value));
  }

  /** The promise of a receive when there is nothing more to come. */
  receivedNothing(role: Receiving): Promise<unknown> {
    return role === NEXT ? this.isolate.doneWith(OVER) : Promise.reject(this.closed());
  }

  /** The isolate has what a parked operation came to. */
  settle(waiter: Waiter, outcome: number, value: unknown): void {
    if (waiter.selection !== undefined) waiter.selection.won(waiter, outcome, value);
    else if (outcome !== CHANNEL_CLOSED) waiter.resolve(resultOf(waiter.role, value));
    else if (waiter.role === NEXT) waiter.resolve(OVER);
    else reject(waiter, this.#closedMeanwhile ??= this.closed());
  }

  closed(): Error {
    return this.isolate.shutdown?.() ?? new ChannelClosedError(`${this.name} is closed.`);
  }

  describe(waiter: Waiter): string {
    return `${waiter.role === SEND ? "send to" : "receive from"} ${this.name}`;
  }
}

function resultOf(role: number, value: unknown): unknown {
  return role === NEXT ? { value, done: false } : value;
}
