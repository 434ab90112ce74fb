/** Waiting until a number of things are done, whoever does them. */
import { SUCCEEDED, WOULD_BLOCK } from "./outcome.ts";
import { HANDLE } from "../codec/handle.ts";
import { knowHandle, WAIT_GROUP } from "./handles.ts";
import type { Home } from "../tasks/home.ts";
import { giveName, type SharedOptions } from "./object_name.ts";
import { L_COUNT } from "../arena/layout/object.ts";
import { SharedLock } from "./shared_lock.ts";

import { signalOf, type WaitOptions } from "../tasks/options.ts";

const WAIT = 1;
const MAX_COUNT = 2 ** 31 - 1;

/**
 * A count of things to be done, as Go's `sync.WaitGroup`: `add` before they are started, `done` as each is, and `wait`
 * for none to be left. It can be used again after that.
 *
 * @example
 * ```ts
 * import { Scheduler, WaitGroup } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const group = new WaitGroup(sched);
 * group.add(2);
 * group.done();
 * group.done();
 * await group.wait();
 * ```
 */
export class WaitGroup {
  readonly #core: Core;

  /** One with nothing to be done. */
  constructor(home: Home, options?: SharedOptions) {
    if (options !== undefined) giveName(this, options);
    this.#core = new Core(this, home, WAIT_GROUP);
  }

  /** What is left at this moment. */
  get count(): number {
    return this.#core.count;
  }

  /**
   * So many more to be done.
   *
   * @throws {RangeError} if the count would fall below 0 or exceed 2^31 - 1, or `n` is no integer.
   */
  add(n: number = 1): void {
    if (!Number.isInteger(n)) throw new RangeError(`add(${String(n)}): give an integer.`);
    this.#core.add(n);
  }

  /** One less to be done. */
  done(): void {
    this.add(-1);
  }

  /** Resolves when the count is 0. */
  wait(options?: WaitOptions): Promise<void> {
    return this.#core.take(WAIT, signalOf(options));
  }

  /** For `Object.prototype.toString`, and what looks at values by it. */
  get [Symbol.toStringTag](): string {
    return "WaitGroup";
  }

  /** @internal */
  get [HANDLE](): unknown {
    return this.#core;
  }
}

class Core extends SharedLock {
  add(n: number): void {
    const { words, object } = this;
    this.change(() => {
      const count = words[object + L_COUNT];
      if (count + n < 0 || count + n > MAX_COUNT) {
        return new RangeError(
          `${n < 0 ? `${-n} more were done` : `add(${n})`}, and the count of ${this.name} is ${count}.`,
        );
      }
      words[object + L_COUNT] = count + n;
      // All at once, as in Go: the first one to go on may add again.
      if (count + n === 0) this.completeAll();
    });
  }

  override attempt(): number {
    return this.grant() ? SUCCEEDED : WOULD_BLOCK;
  }

  override grant(): boolean {
    return this.words[this.object + L_COUNT] === 0;
  }

  override result(): void {}
}

knowHandle(WAIT_GROUP, (home) => new WaitGroup(home));
