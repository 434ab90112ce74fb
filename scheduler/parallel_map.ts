/** One task for each item, so many at once. */
import { whenAborted } from "./queues/cancellation.ts";
import { Fifo } from "./queues/fifo.ts";
import { isolateOf } from "./sync/isolate.ts";
import type { Home } from "./tasks/home.ts";
import { PROCS } from "./arena/layout/header.ts";
import { type Names, requireInteger, requireOptions, requireSignal, shown } from "./tasks/options.ts";
import { Source } from "./source.ts";
import { type Call, isTask, requireCall, requireTimeout, type Task } from "./tasks/call.ts";

/** Options of {@linkcode parallelMap}. */
export interface ParallelMapOptions {
  /**
   * Tasks in flight at once, and results that wait for the consumer among them. Those that wait for the result of an earlier item
   * are not counted, up to 64 times as many: one long task among short ones holds up no thread. Default: twice `procs`.
   */
  concurrency?: number;
  /** Whether results come in the order of the items. Otherwise the first that is ready comes first. Default: true. */
  ordered?: boolean;
  /** Aborting it cancels what is in flight, and ends the iteration with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds that one item may take from its start, with the wait for a thread. Default: no limit. */
  timeout?: number;
  /** Whether a task that fails is a result too: a {@linkcode ParallelMapResult}, as with `Promise.allSettled`. Default: false. */
  settle?: boolean;
  /**
   * Called after each task that has ended, with how many have, and how many there will be if the items are an array or a set.
   * What it throws ends the iteration.
   */
  onProgress?: (done: number, total: number | undefined) => void;
}

const MAP_OPTIONS = {
  concurrency: true,
  ordered: true,
  signal: true,
  timeout: true,
  settle: true,
  onProgress: true,
} satisfies Names<ParallelMapOptions>;

/** What became of an item, with `settle: true`. */
export type ParallelMapResult<T, R> =
  & { readonly item: T; readonly index: number }
  & PromiseSettledResult<R>;

/**
 * How many times `concurrency` the first item without a result and those behind it may be. Seen with two threads: syntax trees of
 * 102 files, of which one is as long as 100 others, took 1.88 times the least with 1, 1.41 with 16 and 1.00 with 64.
 */
const AHEAD = 64;

/** Of errors that an iteration has thrown. */
const failed = new WeakMap<object, { readonly item: unknown; readonly index: number }>();

/**
 * Which item the error belongs to that {@linkcode parallelMap} has thrown, and its index; undefined if it is no task's, or no
 * object.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { failedItem, parallelMap, Scheduler } from "@heddle/heddle";
 * import { byteSum } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 2 });
 * const items = [new Uint8Array([1, 2]), "no bytes" as unknown as Uint8Array];
 * try {
 *   for await (const _ of parallelMap(sched, items, byteSum));
 * } catch (error) {
 *   assertEquals(failedItem(error), { item: "no bytes", index: 1 });
 * }
 * ```
 */
export function failedItem(error: unknown): { readonly item: unknown; readonly index: number } | undefined {
  return failed.get(error as object);
}

/**
 * Runs a task for each item, and iterates over the results. Items are taken as `for await` takes them, promises among
 * them, and as results are: at most `concurrency` items are under way, however fast the source is and however slow the
 * consumer. A result that is ready does not wait for the next item, and while the consumer waits for the result of one, tasks of
 * later items take their turns, as Node's `readable.map` does it with `highWaterMark`.
 *
 * `how` is a task, which gets the item alone; or a function that makes a task's call from the item and its index.
 *
 * The first failure, of a task or the source, cancels the tasks that are in flight, and is thrown; {@linkcode failedItem} says of
 * which item. Leaving the loop early cancels them too. In both cases the source's iterator is closed; if that fails as well, the
 * first failure counts.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parallelMap, Scheduler } from "@heddle/heddle";
 * import { square, sum } from "./tasks.ts";
 *
 * await using sched = await Scheduler.start({ procs: 2 });
 * const squares = await Array.fromAsync(parallelMap(sched, [1, 2, 3], square));
 * assertEquals(squares, [1, 4, 9]);
 * const sums = parallelMap(sched, [10, 100], (to, index) => sum(index, to), { settle: true });
 * assertEquals(await Array.fromAsync(sums), [
 *   { index: 0, item: 10, status: "fulfilled", value: 45 },
 *   { index: 1, item: 100, status: "fulfilled", value: 4950 },
 * ]);
 * ```
 *
 * @throws {RangeError} if the concurrency is no integer from 1 up, or the timeout below 0.
 * @throws {TypeError} if there is nothing to iterate over, or `how` is no function.
 */
export function parallelMap<T, R>(
  home: Home,
  items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>,
  how: (item: T, index: number) => Call<R>,
  options: ParallelMapOptions & { settle: true },
): AsyncIterableIterator<ParallelMapResult<T, R>>;
/** Without `settle` the results are the tasks'. */
export function parallelMap<T, R>(
  home: Home,
  items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>,
  how: (item: T, index: number) => Call<R>,
  options?: ParallelMapOptions,
): AsyncIterableIterator<R>;
export function parallelMap<T, R>(
  home: Home,
  items: Iterable<T | PromiseLike<T>> | AsyncIterable<T>,
  how: (item: T, index: number) => Call<R>,
  options: ParallelMapOptions = {},
): AsyncIterableIterator<R | ParallelMapResult<T, R>> {
  const isolate = isolateOf(home, "parallelMap");
  requireOptions("parallelMap", options, MAP_OPTIONS);
  const { concurrency = 2 * isolate.words[PROCS], timeout, signal, onProgress } = options;
  requireInteger("concurrency", concurrency, 1);
  if (typeof how !== "function") {
    throw new TypeError(`parallelMap: ${shown(how)} is no task, and no function that makes a task's call.`);
  }
  if (timeout !== undefined) requireTimeout("parallelMap", timeout);
  requireSignal("parallelMap", signal);
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new TypeError(`parallelMap: onProgress is ${shown(onProgress)}: give a function.`);
  }
  // What else a task takes is not the index: `["10", "10"].map(parseInt)` has shown where that leads.
  const ofItem = isTask(how) ? how as unknown as (item: T) => Call<R> : undefined;
  const start = (item: T, index: number) => {
    const call = ofItem?.(item) ?? how(item, index);
    requireCall(call);
    return home.go(call, { signal, timeout });
  };
  return new Mapping(new Source(items, "parallelMap"), start, concurrency, sizeOf(items), options).results();
}

function sizeOf(items: unknown): number | undefined {
  if (Array.isArray(items)) return items.length;
  return items instanceof Set || items instanceof Map ? items.size : undefined;
}

interface Item<T, R> {
  readonly task: Task<R>;
  readonly item: T;
  readonly index: number;
  hasEnded: boolean;
}

class Mapping<T, R> {
  readonly #source: Source<T>;
  readonly #start: (item: T, index: number) => Task<R>;
  readonly #concurrency: number;
  readonly #total: number | undefined;
  readonly #options: ParallelMapOptions;
  readonly #isOrdered: boolean;
  #started = 0;
  #running = 0;
  #done = 0;
  /** Those whose results nobody has taken. */
  readonly #tasks = new Set<Task<R>>();
  /** Whose results come next: all, in the order of their items; or those that have ended, in the order in which they did. */
  readonly #turns = new Fifo<Item<T, R>>();
  #isPulling = false;
  #isLeft = false;
  /** Of the source, or of a start. */
  #failure: { error: unknown } | undefined = undefined;
  /** Set while the consumer waits. */
  #wake: (() => void) | undefined = undefined;

  constructor(
    source: Source<T>,
    start: (item: T, index: number) => Task<R>,
    concurrency: number,
    total: number | undefined,
    options: ParallelMapOptions,
  ) {
    this.#source = source;
    this.#start = start;
    this.#concurrency = concurrency;
    this.#total = total;
    this.#options = options;
    this.#isOrdered = options.ordered ?? true;
  }

  async *results(): AsyncIterableIterator<R | ParallelMapResult<T, R>> {
    const { signal } = this.#options;
    const unfollow = signal?.aborted === false ? whenAborted(signal, () => this.#wake?.()) : undefined;
    let hasFailed = false;
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#fill();
        if (this.#failure !== undefined) throw this.#failure.error;
        const item = this.#take();
        if (item !== undefined) yield await this.#resultOf(item);
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

  async #resultOf({ task, item, index }: Item<T, R>): Promise<R | ParallelMapResult<T, R>> {
    try {
      const value = await task;
      return this.#options.settle ? { index, item, status: "fulfilled", value } : value;
    } catch (reason) {
      if (this.#options.settle && !this.#options.signal?.aborted) {
        return { index, item, status: "rejected", reason };
      }
      if (typeof reason === "object" && reason !== null) failed.set(reason, { item, index });
      throw reason;
    }
  }

  /** As many as there may be, of the items that are there. */
  #fill(): void {
    while (!this.#isPulling && !this.#source.isOver && this.#hasRoom) {
      const next = this.#source.next();
      if (next instanceof Promise) this.#pull(next);
      else this.#add(next);
    }
  }

  /** By a consumer that is about to take the next result, or to wait for it. */
  get #hasRoom(): boolean {
    const { size } = this.#tasks;
    if (size < this.#concurrency) return true;
    const waits = this.#isOrdered && !this.#turns.oldest!.hasEnded;
    return waits && this.#running < this.#concurrency && size < AHEAD * this.#concurrency;
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
    const index = this.#started++;
    const task = this.#start(value, index);
    const item = { task, item: value, index, hasEnded: false };
    this.#tasks.add(task);
    this.#running++;
    if (this.#isOrdered) this.#turns.push(item);
    const ended = () => {
      item.hasEnded = true;
      this.#running--;
      this.#tell();
      if (!this.#isOrdered) this.#turns.push(item);
      this.#wake?.();
    };
    task.then(ended, ended);
  }

  #tell(): void {
    this.#done++;
    const { onProgress } = this.#options;
    if (onProgress === undefined || this.#isLeft) return;
    try {
      onProgress(this.#done, this.#total);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** Whose result is to come next, if it has ended. */
  #take(): Item<T, R> | undefined {
    const item = this.#turns.oldest;
    if (!item?.hasEnded) return undefined;
    this.#turns.popOldest();
    this.#tasks.delete(item.task);
    return item;
  }
}
