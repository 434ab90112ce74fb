/** Waiting for each other. */
import { SUCCEEDED, WOULD_BLOCK } from "./outcome.ts";
import { HANDLE } from "../codec/handle.ts";
import { BARRIER, knowHandle } from "./handles.ts";
import type { Home } from "../tasks/home.ts";
import { giveName, type SharedOptions } from "./object_name.ts";
import { L_COUNT, L_LIMIT } from "../arena/layout/object.ts";
import { SharedLock } from "./shared_lock.ts";
import type { Waiter } from "./waiter.ts";
import { requireInteger, signalOf, type WaitOptions } from "../tasks/options.ts";

const WAIT = 1;

/**
 * A place where `parties` tasks wait until all of them are there; then all go on, and the next round begins. If a thread
 * dies with a task that waits here, the others would wait for ever: they reject with a {@linkcode ThreadDiedError}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Barrier, Scheduler } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const barrier = new Barrier(sched, 2);
 * assertEquals(await Promise.all([barrier.wait(), barrier.wait()]), [false, true]);
 * ```
 */
export class Barrier {
  readonly #core: Core;

  /**
   * One where nobody waits.
   *
   * @throws {RangeError} if `parties` is no integer from 1 to 2^24.
   */
  constructor(home: Home, parties: number = 1, options?: SharedOptions) {
    requireInteger("parties", parties, 1, 2 ** 24);
    if (options !== undefined) giveName(this, options);
    this.#core = new Core(this, home, BARRIER, 0, parties);
  }

  /** How many have to be there. */
  get parties(): number {
    return this.#core.parties;
  }

  /** Resolves when all are there: with true for the last one, for whom the others waited. */
  wait(options?: WaitOptions): Promise<boolean> {
    return this.#core.take(WAIT, signalOf(options));
  }

  /** For `Object.prototype.toString`, and what looks at values by it. */
  get [Symbol.toStringTag](): string {
    return "Barrier";
  }

  /** @internal */
  get [HANDLE](): unknown {
    return this.#core;
  }
}

class Core extends SharedLock {
  get parties(): number {
    return this.words[this.object + L_LIMIT];
  }

  override attempt(): number {
    const { words, object } = this;
    if (words[object + L_COUNT] + 1 < words[object + L_LIMIT]) {
      words[object + L_COUNT]++;
      return WOULD_BLOCK;
    }
    words[object + L_COUNT] = 0;
    this.completeAll();
    return SUCCEEDED;
  }

  override grant(): boolean {
    return false;
  }

  override withdrawn(): void {
    this.words[this.object + L_COUNT]--;
  }

  override result(_demand: number, waiter: Waiter | undefined): boolean {
    return waiter === undefined;
  }
}

knowHandle(BARRIER, (home) => new Barrier(home));
