/** Mutual exclusion for tasks on all threads and the host. */
import { HANDLE } from "../codec/handle.ts";
import type { Home } from "../tasks/home.ts";
import { giveName, type SharedOptions } from "./object_name.ts";
import type { WaitOptions } from "../tasks/options.ts";
import { knowHandle, MUTEX } from "./handles.ts";
import { MutexCore } from "./mutex_core.ts";
import { isolateOf } from "./isolate.ts";
import { WatchedMutex } from "./watched_mutex.ts";

/**
 * A lock that one task holds at a time. Who waits for it gets it in turn, handed over by who unlocks, so nobody starves.
 * It belongs to no task: any task of the thread that locked it may unlock it, once. Not recursive.
 *
 * If the thread dies that holds it, it rejects with a {@linkcode ThreadDiedError} from then on: what it guards may be
 * half done.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Mutex, Scheduler } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const mutex = new Mutex(sched);
 * {
 *   using _held = await mutex.lock();
 *   assertEquals(mutex.tryLock(), undefined);
 * } // unlocked here
 * assertEquals(mutex.locked, false);
 * ```
 */
export class Mutex {
  readonly #core: MutexCore;

  /** One that nobody holds. */
  constructor(home: Home, options?: SharedOptions) {
    if (options !== undefined) giveName(this, options);
    const isWatched = isolateOf(home, "new Mutex").meter.holds !== undefined;
    this.#core = isWatched ? new WatchedMutex(this, home) : new MutexCore(this, home);
  }

  /** Whether anybody holds it at this moment. */
  get locked(): boolean {
    return this.#core.isLocked;
  }

  /**
   * Resolves with what unlocks it: by `using`, or by {@linkcode Mutex.unlock}. The `await` is most of what that takes;
   * `mutex.tryLock() ?? await mutex.lock()` has none while the mutex is free.
   */
  lock(options?: WaitOptions): Promise<Disposable> {
    return this.#core.lock(options);
  }

  /** Locks if that takes no waiting. */
  tryLock(): Disposable | undefined {
    return this.#core.tryLock();
  }

  /**
   * For who does not unlock by `using`.
   *
   * @throws {Error} if this thread does not hold it.
   */
  unlock(): void {
    this.#core.unlock();
  }

  /** For `Object.prototype.toString`, and what looks at values by it. */
  get [Symbol.toStringTag](): string {
    return "Mutex";
  }

  /** @internal */
  get [HANDLE](): unknown {
    return this.#core;
  }
}

knowHandle(MUTEX, (arrived) => new Mutex(arrived));
