/**
 * A started task that yields many results: the task, and the channel that it sends to, which is closed when the task has settled,
 * whatever has ended it. So nobody waits there for what cannot come: the reader gets what is left in the channel, and then what has
 * become of the task.
 */
import { reserveStack } from "../codec/stack_reserve.ts";
import { Call, type GoOptions, requireCall, type Task } from "../tasks/call.ts";
import type { TaskState } from "../tasks/call.ts";
import type { Home } from "../tasks/home.ts";
import { requireInteger, requireOptions } from "../tasks/options.ts";
import { isStreamCall, STREAM_OPTIONS, type StreamOptions, type TaskStream } from "../tasks/stream.ts";
import { Channel, lifeOf } from "./channel.ts";
import { NEXT, OVER } from "./channel_life.ts";

/** Guess. */
const WINDOW = 16;
/** A channel's. */
const LARGEST_WINDOW = 65_000;

/** `start` starts the task that feeds it. Throws a TypeError if it is no call at all, or one of a task with one result. */
export function startStream(
  what: string,
  home: Home,
  call: unknown,
  options: StreamOptions = {},
  start: (feeding: Call<void>, limits: GoOptions) => Task<void>,
): TaskStream<unknown> {
  if (!isStreamCall(call)) {
    requireCall(call);
    throw new Error("Heddle: a call with one result was started as a stream.");
  }
  requireOptions(what, options, STREAM_OPTIONS);
  const { window = WINDOW, ...limits } = options;
  requireInteger(`${what}: window`, window, 0, LARGEST_WINDOW);
  // For what follows the start of the task.
  reserveStack();
  const channel = new Channel<unknown>(home, window);
  return new Stream(channel, start(new Call<void>(call.definition, [channel, ...call.args]), limits));
}

class Stream<T> implements TaskStream<T> {
  readonly #channel: Channel<T>;
  readonly #task: Task<void>;

  constructor(channel: Channel<T>, task: Task<void>) {
    this.#channel = channel;
    this.#task = task;
    const settled = () => channel.close();
    task.then(settled, settled);
  }

  get id(): number {
    return this.#task.id;
  }

  get state(): TaskState {
    return this.#task.state;
  }

  get progress(): AsyncIterable<unknown> {
    return this.#task.progress;
  }

  cancel(reason?: unknown): void {
    this.#task.cancel(reason);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new Reader(this.#channel, this.#task);
  }
}

/** No generator: there a `return()` waits for the `next()` that is on its way. */
class Reader<T> implements AsyncIterableIterator<T> {
  readonly #channel: Channel<T>;
  readonly #task: Task<void>;
  /** It was left, or has said what became of the task. */
  #isOver = false;

  constructor(channel: Channel<T>, task: Task<void>) {
    this.#channel = channel;
    this.#task = task;
  }

  async next(): Promise<IteratorResult<T>> {
    // Of a task that was cancelled nothing is wanted any more.
    if (!this.#isOver && this.#task.state !== "cancelled") {
      const received = await this.#receive();
      if (!received.done) return received;
    }
    if (this.#isOver) return OVER;
    this.#isOver = true;
    await this.#task;
    return OVER;
  }

  /** What cannot be read here, or a deadlock, ends the loop, which does not call `return()` then. */
  async #receive(): Promise<IteratorResult<T>> {
    try {
      return await lifeOf(this.#channel as Channel<unknown>).receive(NEXT) as IteratorResult<T>;
    } catch (error) {
      this.#task.cancel(error);
      this.#isOver = true;
      throw error;
    }
  }

  /** With the task's end the channel is closed, and so ends who waits there. */
  return(): Promise<IteratorResult<T>> {
    this.#task.cancel();
    this.#isOver = true;
    return Promise.resolve(OVER);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
