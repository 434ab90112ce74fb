/**
 * A mutex of a thread that writes down who holds what, with `stacks: true`. A class of its own, since locking a MutexCore takes a
 * few nanoseconds, and the question whether somebody hears of it would be seen there.
 *
 * It is in the arena from the start, so a dump has it, and all who wait for it and hold it, also while one thread alone knows it.
 */
import { load } from "../arena/atomics.ts";
import { L_HOLDER, MUTEX_WAITED } from "../arena/layout/object.ts";
import type { Handle } from "../codec/handle.ts";
import type { WaitOptions } from "../tasks/options.ts";
import { MutexCore } from "./mutex_core.ts";
import { SUCCEEDED } from "./outcome.ts";
import type { Waiter } from "./waiter.ts";

export class WatchedMutex extends MutexCore {
  /** 0: the arena was full, so it is known here alone, and no dump has it. */
  #object = 0;
  /** Told of as taken here, and not as given back: 1 or 0, and 2 while one of this thread hands it to the next. */
  #held = 0;

  constructor(handle: Handle, home: unknown) {
    super(handle, home);
    try {
      this.share();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  override share(): number {
    return this.#object = super.share();
  }

  override lock(options: WaitOptions | undefined): Promise<Disposable> {
    const { parked } = this.isolate;
    const locked = super.lock(options);
    // Else it waits, and `completed` tells of it; or it was refused, with somebody else as the holder.
    if (this.isolate.parked === parked && this.#held === 0) this.#took(undefined);
    return locked;
  }

  override tryLock(): Disposable | undefined {
    const guard = super.tryLock();
    if (guard !== undefined) this.#took(undefined);
    return guard;
  }

  override unlock(): void {
    super.unlock();
    if (this.#held === 0) return;
    this.#held--;
    this.isolate.meter.holds!.gave(this, 1);
  }

  override completed(waiter: Waiter, outcome: number): void {
    if (outcome === SUCCEEDED) this.#took(waiter);
    super.completed(waiter, outcome);
  }

  #took(waiter: Waiter | undefined): void {
    if (this.#object === 0) return;
    const { words, number, meter } = this.isolate;
    // Else it was refused.
    if ((load(words, this.#object + L_HOLDER) & ~MUTEX_WAITED) !== number + 1) return;
    this.#held++;
    meter.holds!.took(this, `mutex ${this.#object >> 4}`, 1, waiter);
  }
}
