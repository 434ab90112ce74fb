/** One task for each item, so many at once. */
import { whenAborted } from "./queues/cancellation.ts";
import { Fifo } from "./queues/fifo.ts";
import { isolateOf } from "./sync/isolate.ts";
import type { Home } from "./tasks/home.ts";
import { PROCS } from "./arena/layout/header.ts";
import { type Names, requireInteger, requireOptions, requireSignal } from "./tasks/options.ts";
import { Source } from "./source.ts";
import type { Task } from "./tasks/call.ts";
import { requireDefinition, type TaskDefinition } from "./tasks/define.ts";

/** Options of {@linkcode parallelMap}. */
export interface ParallelMapOptions {
  /** Tasks in flight at once, those with results that nobody has taken among them. Default: twice `procs`. */
  concurrency?: number;
  /** Whether results come in the order of the items. Otherwise the first that is ready comes first. Default: true. */
  ordered?: boolean;
  /** Aborting it cancels what is in flight, and ends the iteration with the signal's reason. */
  signal?: AbortSignal;
}

const MAP_OPTIONS = { concurrency: true, ordered: true, signal: true } satisfies Names<ParallelMapOptions>;

/**
 * Runs a task for each item, and iterates over the results. Items are taken as `for await` takes them, promises among
 * them, and as results are: at most `concurrency` items are under way, however fast the source is and however slow the
 * consumer. A result that is ready does not wait for the next item.
 *
 * The first failure, of a task or the source, cancels the tasks that are in flight, and is thrown. Leaving the loop early
 * cancels them too. In both cases the source's iterator is closed; if that fails as well, the first failure counts.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parallelMap, Scheduler } from "@heddle/heddle";
 * import { square } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 2 });
 * const squares = await Array.fromAsync(parallelMap(sched, [1, 2, 3], square));
 * assertEquals(squares, [1, 4, 9]);
 * ```
 *
 * @throws {RangeError} if the concurrency is no integer from 1 up.
 */
export function parallelMap<T, R>(
  home: Home,
  items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>,
  definition: TaskDefinition<[T], R>,
  options: ParallelMapOptions = {},
): AsyncIterableIterator<R> {
  const isolate = isolateOf(home, "parallelMap");
  requireOptions("parallelMap", options, MAP_OPTIONS);
  const { concurrency = 2 * isolate.words[PROCS], ordered = true, signal } = options;
  requireInteger("concurrency", concurrency, 1);
  requireDefinition("parallelMap", definition);
  requireSignal("parallelMap", signal);
  const start = (item: T) => home.go(definition(item), { signal });
  return new Mapping(new Source(items, "parallelMap"), start, concurrency, ordered, signal).results();
}

interface Item<R> {
  readonly task: Task<R>;
  hasEnded: boolean;
}

class Mapping<T, R> {
  readonly #source: Source<T>;
  readonly #start: (item: T) => Task<R>;
  readonly #concurrency: number;
  readonly #isOrdered: boolean;
  readonly #signal: AbortSignal | undefined;
  /** Those whose results nobody has taken. */
  readonly #tasks = new Set<Task<R>>();
  /** Whose results come next: all, in the order of their items; or those that have ended, in the order in which they did. */
  readonly #turns = new Fifo<Item<R>>();
  #isPulling = false;
  #isLeft = false;
  /** Of the source, or of a start. */
  #failure: { error: unknown } | undefined = undefined;
  /** Set while the consumer waits. */
  #wake: (() => void) | undefined = undefined;

  constructor(
    source: Source<T>,
    start: (item: T) => Task<R>,
    concurrency: number,
    isOrdered: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#source = source;
    this.#start = start;
    this.#concurrency = concurrency;
    this.#isOrdered = isOrdered;
    this.#signal = signal;
  }

  async *results(): AsyncIterableIterator<R> {
    const signal = this.#signal;
    const unfollow = signal?.aborted === false ? whenAborted(signal, () => this.#wake?.()) : undefined;
    let hasFailed = false;
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#fill();
        if (this.#failure !== undefined) throw this.#failure.error;
        const task = this.#take();
        if (task !== undefined) yield await task;
        else if (this.#tasks.size === 0 && this.#source.isOver) return;
        else await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } catch (error) {
      hasFailed = true;
      throw error;
    } finally {
      this.#isLeft = true;
      unfollow?.();
      for (const task of this.#tasks) task.cancel();
      const closed = this.#source.close();
      // What failed before is what the consumer hears.
      await (hasFailed ? closed.catch(() => {}) : closed);
    }
  }

  /** As many as there may be, of the items that are there. */
  #fill(): void {
    while (!this.#isPulling && !this.#source.isOver && this.#tasks.size < this.#concurrency) {
      const next = this.#source.next();
      if (next instanceof Promise) this.#pull(next);
      else this.#add(next);
    }
  }

  /** The consumer gets what is ready meanwhile. */
  async #pull(next: Promise<IteratorResult<T>>): Promise<void> {
    this.#isPulling = true;
    try {
      this.#add(await next);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#isPulling = false;
    this.#wake?.();
  }

  #add({ value, done }: IteratorResult<T>): void {
    if (done || this.#isLeft) return;
    const task = this.#start(value);
    const item = { task, hasEnded: false };
    this.#tasks.add(task);
    if (this.#isOrdered) this.#turns.push(item);
    const ended = () => {
      item.hasEnded = true;
      if (!this.#isOrdered) this.#turns.push(item);
      this.#wake?.();
    };
    task.then(ended, ended);
  }

  /** Whose result is to come next, if it has ended, or there is nothing else to wait for. */
  #take(): Task<R> | undefined {
    const item = this.#turns.oldest;
    if (item === undefined || (!item.hasEnded && this.#isPulling)) return undefined;
    this.#turns.shift();
    this.#tasks.delete(item.task);
    return item.task;
  }
}
