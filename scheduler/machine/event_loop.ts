/**
 * Deno's event loop as an M sees it: when it gets its turn, and for how long it may stand still while the M sleeps in a futex.
 *
 * A wakeup from a futex takes an eighth of one from the event loop. But neither continuations nor the event loop go on beside a
 * futex sleep. So an M with live Gs sleeps there only if two questions are answered.
 *
 * **Is a continuation due?** Nothing is guessed. What is in the microtask queue nobody can ask for, and how many operations are
 * parked does not tell: one G may wait for two things, or wait and compute. So an M sleeps in the futex **only from the start of
 * a macrotask**, right after a turn of the event loop: what the turn resolves is one continuation, the M's own, and from there
 * to the sleep nothing makes another one due (the M is **quiet**). A sleep in the event loop ends that, and mail, which an M
 * without live Gs reads as it parks. Then there is another turn (1.1 us) before the next sleep, in the state of an M that sleeps
 * in its event loop, since a long continuation may run there without a P. A note can take the M's P in the very step that has
 * read the mail, so an M may begin to park with a continuation under way; the turn is where that goes on. A tick takes a sixth
 * of a turn, but what other ticks made due comes after ours: it is enough before a spin, and not before a sleep.
 *
 * **Does a G wait for something outside?** That cannot be known for sure, so here is a policy (`standstill`).
 *
 * - Deno is asked whether its event loop has anything to do (0.1 us). If it has (a fetch, a timer, a socket, a port that somebody
 *   listens to), the M sleeps in the event loop: a G that waits for a message and a fetch, whichever comes first, costs its M 70 us
 *   a wake and delays nothing. A Deno without that function (`eventLoopHasMoreWork` is not public) always sleeps there.
 * - Some things Deno does not count: `Atomics.waitAsync`, timers and ports that were unrefed, the collector's callbacks. For these
 *   the live Gs are counted against what they may wait for of ours: parked operations, sleeps, and sets of children. If these are
 *   fewer, a G waits for something else: the event loop again. If they are as many, a G may be hidden behind one that counts
 *   twice. So the event loop stands still for KNOWN_TO_WAIT at the most, and only for MAY_WAIT if that count needs Gs that have
 *   children, since nobody can see whether they await these.
 *
 * A timer of ours that is due within that time is slept for in the futex, with 1 us of slack; a sleep in the event loop, whose
 * `waitAsync` ends up to 1 ms late, ends AHEAD of it. The rest the M may sleep in the futex even if Deno counts something, until
 * EVENT_LOOP_SLICE after the last turn.
 *
 * **No timeout hides a lost wakeup.** When that bound has ended a sleep the M looks whether a continuation goes on by itself then,
 * for some turns of the microtask queue, before anything from outside can. If so, it slept beside that continuation, and counts it
 * in `stats().overslept`, which stress and tests take for a failure. In the model an M that is about to sleep beside a microtask
 * or tick is a failure by itself.
 */
import process from "node:process";
import type { Shim } from "../../ffi/shim.ts";
import type { Locks } from "../parking/locks.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Agenda } from "./agenda.ts";

/** Nanoseconds that the event loop may wait for its turn while Gs run. Guess: a 5th of Node's usual timer jitter. */
const EVENT_LOOP_SLICE = 1e6;

/**
 * The same while the M sleeps and Deno knows of nothing that the event loop has to do. The first if all Gs are known to wait
 * for the scheduler, the second if some of them may await children. Guesses.
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
   * The M's sleep has ended with its standstill: whether a continuation goes on now, which had waited for that. The caller
   * enters again.
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
   * Milliseconds for which the event loop may stand still, if the microtask queue is empty; 0: not at all.
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
