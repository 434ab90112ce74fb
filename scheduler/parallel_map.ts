/** One task for each item, so many at once. */
import { isolateOf } from "./handles.ts";
import type { Home } from "./home.ts";
import { PROCS } from "./memory_layout.ts";
import { type Names, requireOptions, requireSignal } from "./options.ts";
import { type GoOptions, silence, type Task, type TaskDefinition } from "./task.ts";

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
 * Runs a task for each item, and iterates over the results. Items are taken as results are: at most `concurrency` items are
 * under way, however fast the source is and however slow the consumer.
 *
 * The first failure cancels the tasks that are in flight, and is thrown. Leaving the loop early cancels them too. In
 * both cases the source's iterator is closed.
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
  items: Iterable<T> | AsyncIterable<T>,
  definition: TaskDefinition<[T], R>,
  options: ParallelMapOptions = {},
): AsyncIterableIterator<R> {
  const isolate = isolateOf(home, "parallelMap");
  requireOptions("parallelMap", options, MAP_OPTIONS);
  const { concurrency = 2 * isolate.words[PROCS], ordered = true, signal } = options;
  if (!(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new RangeError(`concurrency is ${String(concurrency)}: give an integer from 1 up.`);
  }
  requireSignal("parallelMap", signal);
  const source = iteratorOf(items);
  return map(home, source, definition, concurrency, ordered ? new Ordered<R>() : new Unordered<R>(), signal);
}

function iteratorOf<T>(items: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> {
  if (typeof (items as AsyncIterable<T>)?.[Symbol.asyncIterator] === "function") {
    return (items as AsyncIterable<T>)[Symbol.asyncIterator]();
  }
  if (typeof (items as Iterable<T>)?.[Symbol.iterator] === "function") {
    return (items as Iterable<T>)[Symbol.iterator]();
  }
  throw new TypeError(`parallelMap(…, ${String(items)}, …): give something to iterate over.`);
}

/** What is in flight. */
interface InFlight<R> {
  readonly size: number;
  add(task: Task<R>): void;
  /** The next result, which it waits for. */
  take(): Promise<R>;
  all(): Iterable<Task<R>>;
}

async function* map<T, R>(
  home: Home,
  source: AsyncIterator<T> | Iterator<T>,
  definition: TaskDefinition<[T], R>,
  concurrency: number,
  inFlight: InFlight<R>,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<R> {
  const options: GoOptions = { signal };
  let isDrained = false;
  try {
    for (;;) {
      while (!isDrained && inFlight.size < concurrency) {
        signal?.throwIfAborted();
        const next = source.next();
        const { value, done } = next instanceof Promise ? await next : next as IteratorResult<T>;
        if (done) isDrained = true;
        else inFlight.add(home.go(definition(value), options));
      }
      if (inFlight.size === 0) return;
      yield await inFlight.take();
    }
  } finally {
    for (const task of inFlight.all()) task.cancel();
    if (!isDrained) await source.return?.();
  }
}

class Ordered<R> implements InFlight<R> {
  readonly #tasks: Task<R>[] = [];

  get size(): number {
    return this.#tasks.length;
  }

  add(task: Task<R>): void {
    // One that fails before its turn is no unhandled rejection.
    silence(task);
    this.#tasks.push(task);
  }

  take(): Promise<R> {
    return this.#tasks.shift()!;
  }

  all(): Iterable<Task<R>> {
    return this.#tasks;
  }
}

class Unordered<R> implements InFlight<R> {
  readonly #running = new Set<Task<R>>();
  readonly #ended: Task<R>[] = [];
  #wake: (() => void) | undefined = undefined;

  get size(): number {
    return this.#running.size + this.#ended.length;
  }

  add(task: Task<R>): void {
    this.#running.add(task);
    const ended = () => {
      this.#running.delete(task);
      this.#ended.push(task);
      this.#wake?.();
    };
    task.then(ended, ended);
  }

  async take(): Promise<R> {
    if (this.#ended.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return await this.#ended.shift()!;
  }

  all(): Iterable<Task<R>> {
    return this.#running;
  }
}
