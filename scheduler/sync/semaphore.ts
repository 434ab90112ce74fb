/** A counting semaphore for tasks on all threads and the host. */
import { HANDLE } from "../codec/handle.ts";
import { knowHandle, SEMAPHORE } from "./handles.ts";
import type { Home } from "../tasks/home.ts";
import { giveName, type SharedOptions } from "./object_name.ts";
import { L_COUNT, L_LIMIT } from "../arena/layout/object.ts";
import { Guard, SharedLock } from "./shared_lock.ts";
import type { Waiter } from "./waiter.ts";
import { requireInteger, signalOf, type WaitOptions } from "../tasks/options.ts";

const MAX_PERMITS = 1 << 30;

/**
 * So many permits for tasks on all threads and the host: whoever wants one when none is left waits, in turn. Who wants
 * several is not overtaken by who wants less.
 *
 * Permits are released on the thread that acquired them. If it dies before, the semaphore rejects with a
 * {@linkcode ThreadDiedError} from then on.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Scheduler, Semaphore } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const connections = new Semaphore(sched, 2);
 * {
 *   using _one = await connections.acquire();
 *   assertEquals(connections.available, 1);
 * }
 * assertEquals(connections.available, 2);
 * ```
 */
export class Semaphore {
  readonly #core: Core;

  /**
   * One of which nobody holds a permit.
   *
   * @throws {RangeError} if `permits` is no integer from 1 to 2^30.
   */
  constructor(home: Home, permits: number = 1, options?: SharedOptions) {
    requireInteger("permits", permits, 1, MAX_PERMITS);
    if (options !== undefined) giveName(this, options);
    this.#core = new Core(this, home, SEMAPHORE, permits, permits);
  }

  /** Permits that nobody holds at this moment. */
  get available(): number {
    return this.#core.count;
  }

  /**
   * Resolves with what releases the permits again: by `using`, or by disposing of it.
   *
   * @throws {RangeError} if there never are that many.
   */
  acquire(permits: number = 1, options?: WaitOptions): Promise<Disposable> {
    return this.#core.take(this.#core.require(permits), signalOf(options));
  }

  /** Acquires if that takes no waiting. */
  tryAcquire(permits: number = 1): Disposable | undefined {
    const isDone = this.#core.takeNow(this.#core.require(permits));
    return isDone ? this.#core.result(permits) : undefined;
  }

  /**
   * Gives permits back by number.
   *
   * @throws {RangeError} if this thread does not hold that many.
   */
  release(permits: number = 1): void {
    this.#core.release(this.#core.require(permits));
  }

  /** For `Object.prototype.toString`, and what looks at values by it. */
  get [Symbol.toStringTag](): string {
    return "Semaphore";
  }

  /** @internal */
  get [HANDLE](): unknown {
    return this.#core;
  }
}

class Core extends SharedLock {
  require(permits: number): number {
    return requireInteger("permits", permits, 1, this.words[this.object + L_LIMIT]);
  }

  release(permits: number): void {
    const { words, object } = this;
    this.change(() => {
      const held = words[object + this.isolate.handles.bodyAt + this.isolate.number];
      if (permits > held) {
        return new RangeError(
          `release(${permits}): this thread holds ${held} of the ${
            words[object + L_LIMIT]
          } permits of ${this.name}. Release them where they were acquired: if a thread dies, what it holds is lost.`,
        );
      }
      words[object + L_COUNT] += permits;
      this.countHeld(this.isolate.number, -permits);
    });
    this.gave(permits);
  }

  override grant(permits: number, isolate: number): boolean {
    const { words, object } = this;
    if (words[object + L_COUNT] < permits) return false;
    words[object + L_COUNT] -= permits;
    this.countHeld(isolate, permits);
    return true;
  }

  override result(permits: number, waiter?: Waiter): Disposable {
    this.took(permits, waiter);
    return new Guard(() => this.release(permits));
  }
}

knowHandle(SEMAPHORE, (home) => new Semaphore(home));
