/** A lock for one writer or many readers, for tasks on all threads and the host. */
import { HANDLE } from "../codec/handle.ts";
import { knowHandle, RW_MUTEX } from "./handles.ts";
import type { Home } from "../tasks/home.ts";
import { giveName, type SharedOptions } from "./object_name.ts";
import { L_COUNT, L_HOLDER } from "../arena/layout/object.ts";
import { Guard, SharedLock } from "./shared_lock.ts";
import type { Waiter } from "./waiter.ts";
import { signalOf, type WaitOptions } from "../tasks/options.ts";

/** What a reader's demand is. */
export const READ = 1;
const WRITE = 2;

/**
 * A lock that many readers hold at once, or one writer alone. All are served in turn: readers that come after a writer
 * wait until it was served, so neither kind starves the other.
 *
 * It is unlocked on the thread that locked it. If that dies before, it rejects with a {@linkcode ThreadDiedError} from
 * then on. Not recursive: a task that reads and locks again may wait for a writer that waits for it.
 *
 * @example
 * ```ts
 * import { RWMutex, Scheduler } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const lock = new RWMutex(sched);
 * {
 *   using _one = await lock.readLock();
 *   using _other = await lock.readLock();
 * }
 * using _alone = await lock.lock();
 * ```
 */
export class RWMutex {
  readonly #core: Core;

  /** One that nobody holds. */
  constructor(home: Home, options?: SharedOptions) {
    if (options !== undefined) giveName(this, options);
    this.#core = new Core(this, home, RW_MUTEX);
  }

  /** Resolves with what unlocks it, once nobody else holds it. */
  lock(options?: WaitOptions): Promise<Disposable> {
    return this.#core.take(WRITE, signalOf(options));
  }

  /** Resolves with what unlocks it, once no writer holds it or is before this in the queue. */
  readLock(options?: WaitOptions): Promise<Disposable> {
    return this.#core.take(READ, signalOf(options));
  }

  /** Locks if that takes no waiting. */
  tryLock(): Disposable | undefined {
    return this.#core.takeNow(WRITE) ? this.#core.result(WRITE) : undefined;
  }

  /** Locks for reading if that takes no waiting. */
  tryReadLock(): Disposable | undefined {
    return this.#core.takeNow(READ) ? this.#core.result(READ) : undefined;
  }

  /** For `Object.prototype.toString`, and what looks at values by it. */
  get [Symbol.toStringTag](): string {
    return "RWMutex";
  }

  /** @internal */
  get [HANDLE](): unknown {
    return this.#core;
  }
}

class Core extends SharedLock {
  #release(demand: number): void {
    this.change(() => {
      if (demand === WRITE) this.words[this.object + L_HOLDER] = 0;
      else this.words[this.object + L_COUNT]--;
      this.countHeld(this.isolate.number, -1);
    });
    this.gave(1);
  }

  override grant(demand: number, isolate: number): boolean {
    const { words, object } = this;
    if (words[object + L_HOLDER] !== 0) return false;
    if (demand === WRITE) {
      if (words[object + L_COUNT] !== 0) return false;
      words[object + L_HOLDER] = isolate + 1;
    } else {
      words[object + L_COUNT]++;
    }
    this.countHeld(isolate, 1);
    return true;
  }

  override result(demand: number, waiter?: Waiter): Disposable {
    this.took(1, waiter);
    return new Guard(() => this.#release(demand));
  }
}

knowHandle(RW_MUTEX, (home) => new RWMutex(home));
