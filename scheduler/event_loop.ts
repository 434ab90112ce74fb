/** When Deno's event loop gets its turn on an M, where it stands still while Gs run and while the M sleeps in a futex. */
import type { Shim } from "../ffi/shim.ts";

/** Nanoseconds that the event loop may wait for its turn while Gs run. Guess: a 5th of Node's usual timer jitter. */
const EVENT_LOOP_SLICE = 1e6;

/**
 * The same when it has nothing to do, as far as Deno knows. To be woken from the futex takes 10 us, from the event loop
 * 80, so tasks that wait for messages that come now and then gain by it.
 */
const EMPTY_EVENT_LOOP_SLICE = 20e6;

export class EventLoop {
  readonly #shim: Shim;
  #lastTurn = 0;
  /** Whether it has nothing to do, as far as Deno knows. Who cannot tell says no. */
  isEmpty: () => boolean = () => false;

  constructor(shim: Shim) {
    this.#shim = shim;
  }

  /** What is due in it runs, and that may be anything. */
  turn(): Promise<void> {
    this.hadTurn();
    return new Promise((resolve) => setImmediate(resolve));
  }

  hadTurn(): void {
    this.#lastTurn = this.#shim.nowNs();
  }

  get isTurnDue(): boolean {
    return this.#shim.nowNs() - this.#lastTurn > EVENT_LOOP_SLICE;
  }

  /** Milliseconds until it has its turn at the latest. */
  get mayStandStillFor(): number {
    const since = this.#shim.nowNs() - this.#lastTurn;
    if (since < EVENT_LOOP_SLICE) return (EVENT_LOOP_SLICE - since) / 1e6;
    return since < EMPTY_EVENT_LOOP_SLICE && this.isEmpty() ? (EMPTY_EVENT_LOOP_SLICE - since) / 1e6 : 0;
  }
}
