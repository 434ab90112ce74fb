/** Channels: values from tasks to tasks, on whatever threads they are, and to and from the host. */
import type { ReceiveChannel, Received, SendChannel } from "./channel_ends.ts";
import { type ChannelLife, NEXT, RECEIVE } from "./channel_life.ts";
import { HANDLE } from "../codec/handle.ts";
import { Arrived, CHANNEL, knowHandle, type Shareable } from "./handles.ts";
import { isolateOf } from "./isolate.ts";
import type { Home } from "../tasks/home.ts";
import { move, placeFor } from "./channel_move.ts";
import { LocalChannel } from "./local_channel.ts";
import { giveName, type SharedOptions } from "./object_name.ts";
import { SharedChannel } from "./shared_channel.ts";
import { signalOf, type WaitOptions } from "../tasks/options.ts";
import { rejection } from "../tasks/promise.ts";
import { reserveStack } from "../codec/stack_reserve.ts";

/** Which of its lives a channel is in. */
export let lifeOf: (channel: Channel<unknown>) => ChannelLife;

/** The largest capacity: what fits into a block of 1 MiB. */
const MAX_CAPACITY = 65_000;

/**
 * A channel as in Go: what one task sends another one receives, each value once, first in, first out. Tasks on any
 * thread and the host may send and receive at once. Pass it to tasks as an argument, or through another channel.
 *
 * Unbuffered (`capacity` 0), a send ends when its value has been received. With a capacity so many values wait in the
 * channel, and a send ends when its value has a place there.
 *
 * Values are copied, as arguments of tasks are, and streams in them given up; what cannot be bytes (a SharedArrayBuffer, a
 * MessagePort) is refused: a port is sent to somebody, and nobody knows who will receive a value. They
 * may be large: between threads a value lies in the arena until it is received, and one that finds no room there is refused
 * with a `RangeError` (see `arenaBytes`).
 * An operation belongs to no task: it goes on after its task was cancelled, unless it was given that task's signal.
 *
 * A channel that no thread knows any more leaves nothing behind. Between tasks of one thread it takes no shared memory
 * and no atomic operation, until it is passed on. The design is that of Go's `runtime/chan.go`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Channel, Scheduler } from "@heddle/heddle";
 * import { squares } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const numbers = new Channel<number>(sched, 8);
 * const task = sched.go(squares(numbers, 4));
 * const seen = [];
 * for await (const n of numbers) seen.push(n);
 * assertEquals(seen, [0, 1, 4, 9]);
 * await task;
 * ```
 *
 * @example In place of a condition variable (Go's `sync.Cond`), to tell one or all of those who wait
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Channel, recv, Scheduler, select } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const jobs: string[] = [];
 * const done = new Channel<string>(sched, 3);
 * // To one: a channel of capacity 1. A signal that comes too early is kept, and several are one, so who hears it looks itself.
 * const changed = new Channel<void>(sched, 1);
 * // To all, once: close a channel that nothing is sent to. Who comes later hears it at once.
 * const over = new Channel<never>(sched);
 *
 * async function work(): Promise<void> {
 *   for (;;) {
 *     const job = jobs.shift();
 *     if (job !== undefined) await done.send(job);
 *     // There may be more than one for one signal: another one has to look.
 *     if (jobs.length > 0) changed.trySend();
 *     else if ((await select([recv(changed), recv(over)])).index === 1) return;
 *   }
 * }
 *
 * const workers = [work(), work(), work()];
 * jobs.push("one", "two", "three");
 * changed.trySend();
 * const seen = [await done.recv(), await done.recv(), await done.recv()];
 * over.close();
 * await Promise.all(workers);
 * assertEquals(seen.toSorted(), ["one", "three", "two"]);
 * ```
 */
export class Channel<T> implements SendChannel<T>, ReceiveChannel<T> {
  #life: ChannelLife;

  /**
   * An empty one.
   *
   * @param home The scheduler, or the context of the task that makes it.
   * @param capacity Values that may wait in it, up to 65,000. Default: 0.
   * @throws {RangeError} if the capacity is out of its range.
   */
  constructor(home: Home, capacity: number = 0, options?: SharedOptions) {
    // One that arrives from elsewhere: see handles.ts.
    const from: unknown = home;
    if (from instanceof Arrived) {
      this.#life = new SharedChannel(isolateOf(from, "Channel"), from.object, this);
      return;
    }
    const isolate = isolateOf(home, "new Channel");
    if (!(Number.isInteger(capacity) && capacity >= 0 && capacity <= MAX_CAPACITY)) {
      throw new RangeError(
        `new Channel(…, ${String(capacity)}): give a capacity from 0 to ${MAX_CAPACITY}, an integer.`,
      );
    }
    if (options !== undefined) giveName(this, options);
    this.#life = new LocalChannel(isolate, capacity);
  }

  /** Values that may wait in it. */
  get capacity(): number {
    return this.#life.capacity;
  }

  /** Values that wait in it at this moment. */
  get length(): number {
    return this.#life.length;
  }

  /** Whether it was closed. There may still be values to receive. */
  get closed(): boolean {
    return this.#life.isClosed;
  }

  /**
   * Resolves when the value has been received, or has its place in the channel. Rejects with a
   * {@linkcode ChannelClosedError} if the channel is closed, before or meanwhile; with a `DataCloneError` if the value
   * cannot be copied; with a `RangeError` if the arena has no room for it.
   */
  send(value: T, options?: WaitOptions): Promise<void> {
    try {
      return this.#life.send(value, signalOf(options));
    } catch (error) {
      return rejection(error);
    }
  }

  /** The oldest value. Rejects with a {@linkcode ChannelClosedError} once the channel is closed and empty. */
  recv(options?: WaitOptions): Promise<T> {
    try {
      return this.#life.receive(RECEIVE, signalOf(options)) as Promise<T>;
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * The oldest value, or that there is none to come: Go's `value, ok := <-channel`. The end is no error here, so a loop that
   * reads several channels in turn needs no `catch`.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Channel, Scheduler } from "@heddle/heddle";
   *
   * await using sched = await Scheduler.start({ procs: 1 });
   * const channel = new Channel<string>(sched, 1);
   * await channel.send("the last one");
   * channel.close();
   * assertEquals(await channel.recvOrDone(), { value: "the last one", done: false });
   * assertEquals(await channel.recvOrDone(), { value: undefined, done: true });
   * ```
   */
  recvOrDone(options?: WaitOptions): Promise<Received<T>> {
    try {
      return this.#life.receive(NEXT, signalOf(options)) as Promise<Received<T>>;
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * Sends if that takes no waiting, and says whether it did. What was to be given up, as a stream or by {@linkcode move}, is gone
   * either way.
   *
   * @throws {ChannelClosedError} if the channel is closed.
   * @throws {DOMException} named DataCloneError if the value cannot be copied.
   * @throws {RangeError} if the arena has no room for it.
   */
  trySend(value: T): boolean {
    return this.#life.trySend(value);
  }

  /** Receives if that takes no waiting. `done` once the channel is closed and empty; undefined if a value may still come. */
  tryRecv(): Received<T> | undefined {
    return this.#life.tryReceive() as Received<T> | undefined;
  }

  /**
   * Nothing can be sent any more. What is in the channel can be received; then receivers end. Parked senders reject
   * with a {@linkcode ChannelClosedError}.
   *
   * @throws {ChannelClosedError} if it was closed before.
   */
  close(): void {
    this.#life.close();
  }

  /** Receives until the channel is closed and empty. Leaving the loop early leaves the channel as it is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new Receiver<T>(this);
  }

  /** For `Object.prototype.toString`, and what looks at values by it. */
  get [Symbol.toStringTag](): string {
    return "Channel";
  }

  /** @internal */
  get [HANDLE](): unknown {
    return { isolate: this.#life.isolate, share: () => this.#share() } satisfies Shareable;
  }

  static {
    lifeOf = (channel) => channel.#life;
  }

  #share(): number {
    const local = this.#life;
    if (!(local instanceof LocalChannel)) return (local as SharedChannel).object;
    reserveStack();
    const shared = placeFor(local, this);
    // First of all: among its values may be itself.
    this.#life = shared;
    try {
      move(local, shared);
    } catch (error) {
      this.#life = local;
      local.isolate.handles.abandon(shared.object);
      throw error;
    }
    local.isolate.handles.adopt(shared.object, this);
    return shared.object;
  }
}

class Receiver<T> implements AsyncIterableIterator<T> {
  readonly #channel: Channel<T>;

  constructor(channel: Channel<T>) {
    this.#channel = channel;
  }

  next(): Promise<IteratorResult<T>> {
    return lifeOf(this.#channel as Channel<unknown>).receive(NEXT) as Promise<IteratorResult<T>>;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

knowHandle(CHANNEL, (arrived) => new Channel(arrived));
