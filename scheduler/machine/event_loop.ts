/**
 * Deno's event loop as an M sees it: when it gets its turn, and for how long it may stand still while the M sleeps in a futex.
 * machine/README.md, "Standing still".
 */
import process from "node:process";
import type { Shim } from "../../ffi/shim.ts";

/** Nanoseconds that the event loop may wait for its turn while Gs run. Guess: a 5th of Node's usual timer jitter. */
const EVENT_LOOP_SLICE = 1e6;

/**
 * The same while the M sleeps and Deno knows of nothing that the event loop has to do: what Deno does not count waits so
 * long (`Atomics.waitAsync`, timers and ports that were unrefed, what the collector calls). The first if all Gs are known
 * to wait for the scheduler, the second if some of them may await children. To be woken from the futex takes 10 us, from
 * the event loop 80, so tasks that wait for messages that come now and then gain by it. Guesses.
 */
const KNOWN_TO_WAIT = 20e6;
const MAY_WAIT = 2e6;

export class EventLoop {
  readonly #shim: Shim;
  #lastTurn = 0;
  /** Whether it has nothing to do, as far as Deno knows. Who cannot tell says no. */
  isEmpty: () => boolean = () => false;

  constructor(shim: Shim) {
    this.#shim = shim;
  }

  /**
   * What is due in it runs, and that may be anything. Who awaits it goes on at the start of a macrotask: the microtask queue
   * is empty but for that, since Node runs all microtasks before it calls what `setImmediate` was given.
   */
  turn(): Promise<void> {
    this.hadTurn();
    return new Promise((resolve) => setImmediate(resolve));
  }

  /**
   * All continuations go first that are due, and those that become due by that, in a sixth of the time of a turn. A tick
   * that a task asked for may have been called right before, so what follows is no start of a macrotask.
   */
  drain(): Promise<void> {
    return new Promise((resolve) => process.nextTick(resolve));
  }

  hadTurn(): void {
    this.#lastTurn = this.#shim.nowNs();
  }

  get isTurnDue(): boolean {
    return this.#shim.nowNs() - this.#lastTurn > EVENT_LOOP_SLICE;
  }

  /**
   * Milliseconds that it may still stand still while all wait for the scheduler, or (not `isKnown`) may do so; 0: not at all.
   * Beside what Deno counts only if a timer of ours is due soon, whose sleeper wants more than the event loop's precision.
   */
  patience(isKnown: boolean, isTimerDueSoon: boolean): number {
    const slice = this.isEmpty()
      ? (isKnown ? KNOWN_TO_WAIT : MAY_WAIT)
      : isTimerDueSoon
      ? EVENT_LOOP_SLICE
      : 0;
    return Math.max(0, slice - (this.#shim.nowNs() - this.#lastTurn)) / 1e6;
  }
}
