/** Channels as one side sees them: Go's `chan<-` and `<-chan`. There are no objects of these alone. */
import type { HANDLE } from "../codec/handle.ts";
import type { WaitOptions } from "../tasks/options.ts";

/** What a receive comes to: a value, or that the channel is closed and empty. */
export type Received<T> = { value: T; done: false } | { value: undefined; done: true };

/** What both ends of a channel have. */
export interface ChannelEnd {
  /** Values that may wait in it. */
  readonly capacity: number;
  /** Values that wait in it at this moment. */
  readonly length: number;
  /** Whether it was closed. There may still be values to receive. */
  readonly closed: boolean;
  /** @internal */
  readonly [HANDLE]: unknown;
}

/**
 * A {@linkcode Channel} to send to, Go's `chan<- T`: what a task takes that only sends. A channel of animals is one for dogs.
 *
 * A type and no object: what is passed is the channel itself.
 *
 * @example
 * ```ts
 * import { Channel, Scheduler, type SendChannel } from "@heddle/heddle";
 *
 * async function count(to: SendChannel<number>): Promise<void> {
 *   for (let n = 0; n < 3; n++) await to.send(n);
 *   to.close();
 * }
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const channel = new Channel<number | string>(sched, 3);
 * await count(channel);
 * ```
 */
export interface SendChannel<in T> extends ChannelEnd {
  // Properties, as parameters of methods are checked in neither direction.
  /** See {@linkcode Channel.send}. */
  readonly send: (value: T, options?: WaitOptions) => Promise<void>;
  /** See {@linkcode Channel.trySend}. */
  readonly trySend: (value: T) => boolean;
  /** See {@linkcode Channel.close}. */
  close(): void;
}

/**
 * A {@linkcode Channel} to receive from, Go's `<-chan T`: what a task takes that only receives. A channel of dogs is one of
 * animals.
 *
 * A type and no object: what is passed is the channel itself.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Channel, type ReceiveChannel, Scheduler } from "@heddle/heddle";
 *
 * async function all<T>(from: ReceiveChannel<T>): Promise<T[]> {
 *   return await Array.fromAsync(from);
 * }
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const channel = new Channel<number>(sched, 2);
 * await channel.send(1);
 * await channel.send(2);
 * channel.close();
 * assertEquals(await all<number | string>(channel), [1, 2]);
 * ```
 */
export interface ReceiveChannel<out T> extends ChannelEnd, AsyncIterable<T> {
  /** See {@linkcode Channel.recv}. */
  recv(options?: WaitOptions): Promise<T>;
  /** See {@linkcode Channel.recvOrDone}. */
  recvOrDone(options?: WaitOptions): Promise<Received<T>>;
  /** See {@linkcode Channel.tryRecv}. */
  tryRecv(): Received<T> | undefined;
  /** See {@linkcode Channel}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
}
