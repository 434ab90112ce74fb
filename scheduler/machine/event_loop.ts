/**
 * Deno's event loop as an M sees it: when it gets its turn, and for how long it may stand still while the M sleeps in a futex.
 * machine/README.md, "Standing still".
 */
import process from "node:process";
import type { Shim } from "../../ffi/shim.ts";
import type { Locks } from "../parking/locks.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Agenda } from "./agenda.ts";

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

/** Milliseconds that a sleep in the event loop ends ahead of a timer: the rest is slept in the futex, which is exact. */
const AHEAD = 2;
/** Guess: turns of the microtask queue that the awaits between a child's end and its parent's next step take. */
export const MICROTASK_TURNS = 8;

/** Awaiting it lets the microtasks go first that are due. It makes no promise of its own, as `await null` does. */
export const NEXT_TURN = Promise.resolve();

export class EventLoop {
  readonly #shim: Shim;
  readonly #locks: Locks;
  readonly #home: Isolate;
  readonly #agenda: Agenda;
  #lastTurn = 0;
  /** Whether it has nothing to do, as far as Deno knows. Who cannot tell says no. */
  readonly isEmpty: () => boolean;

  constructor(home: Isolate, agenda: Agenda, shim: Shim, isEmpty: () => boolean) {
    this.#home = home;
    this.#locks = home.locks;
    this.#agenda = agenda;
    this.#shim = shim;
    this.isEmpty = isEmpty;
  }

  /**
   * What is due in it runs, and that may be anything. Who awaits it goes on at the start of a macrotask: the microtask queue
   * is empty but for that, since Node runs all microtasks before it calls what `setImmediate` was given. Tasks run there,
   * so the caller enters again.
   */
  turn(): Promise<void> {
    this.#locks.leave();
    this.hadTurn();
    return new Promise((resolve) => setImmediate(resolve));
  }

  hadTurn(): void {
    this.#lastTurn = this.#shim.nowNs();
  }

  get isTurnDue(): boolean {
    return this.#shim.nowNs() - this.#lastTurn > EVENT_LOOP_SLICE;
  }

  /**
   * All continuations go first that are due, and those that become due by that, in a sixth of the time of a turn. A tick
   * that a task asked for may have been called right before, so what follows is no start of a macrotask. The caller enters
   * again.
   */
  drain(): Promise<void> {
    this.#locks.leave();
    return new Promise((resolve) => process.nextTick(resolve));
  }

  /**
   * The M's sleep has ended with its standstill: whether a continuation goes on now, which had waited for that. See
   * `stats().overslept`. The caller enters again.
   */
  async hasOverslept(): Promise<boolean> {
    const before = this.#progress;
    this.#locks.leave();
    // No tick: the event loop would not seem to be empty afterwards.
    for (let turn = 0; turn < MICROTASK_TURNS; turn++) await NEXT_TURN;
    return this.#progress !== before;
  }

  get #progress(): string {
    return `${this.#home.parked},${this.#agenda.progress}`;
  }

  /** Whether all its Gs wait for operations, timers and children of ours, as far as one can see. */
  get waitsForOurs(): boolean {
    const { live, parents, sleeping } = this.#agenda;
    return this.#home.parked + sleeping + parents >= live;
  }

  /**
   * Milliseconds for which the event loop may stand still, if the microtask queue is empty; 0: not at all. A G counts for each
   * thing that it waits for, so another one may hide behind it: then what that waits for comes so much later, unless
   * Deno counts it. Beside what Deno counts only if a timer of ours is due soon, whose sleeper wants more than the event
   * loop's precision.
   */
  get standstill(): number {
    const { isExpecting, live, next, sleeping } = this.#agenda;
    if (live === 0) return Infinity;
    if (!this.waitsForOurs || isExpecting) return 0;
    const isKnown = this.#home.parked + sleeping >= live;
    const slice = this.isEmpty()
      ? (isKnown ? KNOWN_TO_WAIT : MAY_WAIT)
      : next !== Infinity && next - performance.now() <= AHEAD
      ? EVENT_LOOP_SLICE
      : 0;
    return Math.max(0, slice - (this.#shim.nowNs() - this.#lastTurn)) / 1e6;
  }

  /** Milliseconds that a sleep there ends ahead of time. If the M could not stand still afterwards, it would be of no use. */
  get ahead(): number {
    return this.waitsForOurs ? AHEAD : 0;
  }
}
