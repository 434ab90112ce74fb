/**
 * Where items come from. They are taken as `for await` takes them: what an async iterator says is awaited, and so is an
 * item of a plain one; who throws or is over is not closed. Unlike there, a source can be left while an item is on its way.
 */
import { Channel, lifeOf } from "./sync/channel.ts";
import { NEXT } from "./sync/channel_life.ts";

type Iterating = AsyncIterator<unknown> | Iterator<unknown>;

const OPEN = 0;
/** An item is on its way. */
const PENDING = 1;
/** There is nothing to close. */
const OVER = 2;

export class Source<T> {
  readonly #iterator: Iterating;
  readonly #isAsync: boolean;
  #state: typeof OPEN | typeof PENDING | typeof OVER = OPEN;

  /** Throws a TypeError if there is nothing to iterate over. */
  constructor(items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>, what: string) {
    const { iterator, isAsync } = open(items, what);
    this.#iterator = iterator;
    this.#isAsync = isAsync;
  }

  get isOver(): boolean {
    return this.#state === OVER;
  }

  /** The next item, once the last one has come. A promise if it has to be waited for. */
  next(): IteratorResult<T> | Promise<IteratorResult<T>> {
    // Who throws is over.
    this.#state = OVER;
    const said = this.#iterator.next();
    if (this.#isAsync) {
      this.#state = PENDING;
      return this.#hear(said as PromiseLike<IteratorResult<T>>);
    }
    const result = read(said as IteratorResult<T | PromiseLike<T>>);
    if (result.done) return result;
    if (isThenable(result.value)) {
      this.#state = PENDING;
      return this.#arrive(result.value);
    }
    this.#state = OPEN;
    return result as IteratorResult<T>;
  }

  async #hear(said: PromiseLike<IteratorResult<T>>): Promise<IteratorResult<T>> {
    let after: typeof OPEN | typeof OVER = OVER;
    try {
      const result = read(await said);
      if (!result.done) after = OPEN;
      return result;
    } finally {
      this.#come(after);
    }
  }

  async #arrive(item: PromiseLike<T>): Promise<IteratorResult<T>> {
    try {
      return { value: await item, done: false };
    } finally {
      // An item that rejects is not the iterator's end.
      this.#come(OPEN);
    }
  }

  #come(after: typeof OPEN | typeof OVER): void {
    if (this.#state === PENDING) this.#state = after;
  }

  /** Leaves it, unless it is over. If an item is on its way, this waits neither for that nor for what closing says. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = OVER;
    if (state === OVER) return;
    const closing = this.#iterator.return?.();
    if (state === OPEN) await closing;
    else Promise.resolve(closing).catch(() => {});
  }
}

function open(items: unknown, what: string): { iterator: Iterating; isAsync: boolean } {
  if (items instanceof Channel) return { iterator: receiving(items), isAsync: true };
  if (items instanceof ReadableStream) return { iterator: reading(items), isAsync: true };
  const { [Symbol.asyncIterator]: openAsync, [Symbol.iterator]: openPlain } = Object(items);
  if (typeof openAsync === "function") return { iterator: openAsync.call(items), isAsync: true };
  if (typeof openPlain === "function") return { iterator: openPlain.call(items), isAsync: false };
  throw new TypeError(`${what}(…, ${String(items)}, …): give something to iterate over.`);
}

function read<V>(said: IteratorResult<V>): IteratorResult<V> {
  if (typeof said !== "object" || said === null) {
    throw new TypeError(`next() of the source returned ${String(said)}: an iterator returns objects.`);
  }
  return said.done ? { value: undefined, done: true } : { value: said.value, done: false };
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (typeof value === "object" || typeof value === "function") && value !== null && "then" in value &&
    typeof value.then === "function";
}

/** As a stream's own iterator, which cannot be left before the next chunk has come. */
function reading(stream: ReadableStream<unknown>): AsyncIterator<unknown> {
  const reader = stream.getReader();
  return {
    async next() {
      const result = await reader.read();
      if (result.done) reader.releaseLock();
      return result as IteratorResult<unknown>;
    },
    async return() {
      const cancelling = reader.cancel();
      reader.releaseLock();
      await cancelling;
      return { value: undefined, done: true };
    },
  };
}

/** A receive that is left would take a value that nobody gets. */
function receiving(channel: Channel<unknown>): AsyncIterator<unknown> {
  const left = new AbortController();
  return {
    next: () => lifeOf(channel).receive(NEXT, left.signal) as Promise<IteratorResult<unknown>>,
    return() {
      left.abort();
      return Promise.resolve({ value: undefined, done: true });
    },
  };
}
