/** Doing something once, whoever comes first. */
import { SUCCEEDED, WOULD_BLOCK } from "./outcome.ts";
import { HANDLE } from "../codec/handle.ts";
import { knowHandle, ONCE } from "./handles.ts";
import type { Home } from "../tasks/home.ts";
import { giveName, type SharedOptions } from "./object_name.ts";
import { L_COUNT, L_HOLDER } from "../arena/layout/object.ts";
import { SharedLock } from "./shared_lock.ts";
import type { Waiter } from "./waiter.ts";
import { signalOf, type WaitOptions } from "../tasks/options.ts";

const ASK = 1;

// L_COUNT
const INCOMPLETE = 0;
const BEGUN = 1;
const COMPLETE = 2;

/** What `attempt` says, besides: there is nothing to run. */
const NOTHING_TO_RUN = 100;

/**
 * Does something once among all threads, as Go's `sync.Once`: the first call of `do` runs its function, and every call
 * ends when that has ended. One that throws has been done too: its own call rejects, others go on. If the thread dies
 * that runs it, all calls reject with a {@linkcode ThreadDiedError}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Once, Scheduler } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const [once, done] = [new Once(sched), [] as string[]];
 * await Promise.all([once.do(() => done.push("first")), once.do(() => done.push("second"))]);
 * assertEquals(done, ["first"]);
 * ```
 */
export class Once {
  readonly #core: Core;

  /** One that nobody has done. */
  constructor(home: Home, options?: SharedOptions) {
    if (options !== undefined) giveName(this, options);
    this.#core = new Core(this, home, ONCE);
  }

  /** Whether it has been done. */
  get isDone(): boolean {
    return this.#core.count === COMPLETE;
  }

  /** Runs the function, or waits until the one that came first has ended. */
  async do(fn: () => unknown, options?: WaitOptions): Promise<void> {
    if (!await this.#core.take<boolean>(ASK, signalOf(options))) return;
    try {
      await fn();
    } finally {
      this.#core.finish();
    }
  }

  /** For `Object.prototype.toString`, and what looks at values by it. */
  get [Symbol.toStringTag](): string {
    return "Once";
  }

  /** @internal */
  get [HANDLE](): unknown {
    return this.#core;
  }
}

class Core extends SharedLock {
  finish(): void {
    this.change(() => {
      this.words[this.object + L_COUNT] = COMPLETE;
      this.words[this.object + L_HOLDER] = 0;
    });
    this.gave(1);
  }

  override attempt(): number {
    const { words, object } = this;
    if (words[object + L_COUNT] !== INCOMPLETE) return this.grant() ? NOTHING_TO_RUN : WOULD_BLOCK;
    words[object + L_COUNT] = BEGUN;
    words[object + L_HOLDER] = this.isolate.number + 1;
    return SUCCEEDED;
  }

  override grant(): boolean {
    return this.words[this.object + L_COUNT] === COMPLETE;
  }

  override result(_demand: number, waiter: Waiter | undefined, outcome: number): boolean {
    const isFirst = waiter === undefined && outcome === SUCCEEDED;
    if (isFirst) this.took(1, undefined);
    return isFirst;
  }
}

knowHandle(ONCE, (home) => new Once(home));
