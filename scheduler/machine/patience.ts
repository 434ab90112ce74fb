/**
 * What an M leaves in its own ring for a thief that is on its way.
 *
 * A task is bound to the thread where it begins. Where it runs to its end at once this decides nothing. But one that was given
 * channels or locks mostly waits for what comes by them, and lives long: two stages of a pipeline that begin on one thread compute in
 * turn, for life. An M that has published such a task is back at its ring within 0.1 ms, and would take it again: the thief comes 10 us
 * to 0.7 ms after it was woken, and a thread that has only just started 5 to 30 ms after the first task of a program. Without this two
 * stages that compute for 3.4 ms each were on one thread in half of all programs.
 *
 * So who has begun tasks already, and nothing else to do, leaves such ones where they are while somebody is hungry, for PATIENCE at the
 * most. If none came it does not wait again for a while.
 */
import type { Shim } from "../../ffi/shim.ts";
import type { Arena } from "../arena/arena.ts";
import { load } from "../arena/atomics.ts";
import { G_TASK } from "../arena/layout/slot.ts";
import { RunTimes } from "../slots/run_times.ts";
import type { Agenda } from "./agenda.ts";

/** Nanoseconds. A thread's first look for work came up to 25 ms after the first task began. */
const PATIENCE = 30e6;
/** Nanoseconds in which nobody is hungry: a thief takes the P, and is counted as one that spins only after that. Cold, 0.3 to 0.8 ms. */
const GRACE = 1e6;
/** Guess: what is lost to threads that do not come is 3% at the most. */
const BETWEEN = 1e9;

export class Patience {
  readonly #agenda: Agenda;
  readonly #arena: Arena;
  readonly #shim: Shim;
  readonly #times: RunTimes;
  /** 0: it leaves nothing. */
  #until = 0;
  /** When somebody was hungry. */
  #hungry = 0;
  #notBefore = 0;

  constructor(agenda: Agenda, shim: Shim) {
    this.#agenda = agenda;
    this.#arena = agenda.shared.arena;
    this.#shim = shim;
    this.#times = new RunTimes(this.#arena);
  }

  /** Whether what is next in the ring is to be left there. The thief may be waiting for this very CPU, so it is offered that. */
  leavesNext(): boolean {
    const { hold, live, shared: { idle, rings } } = this.#agenda;
    const { isAnyHungry } = idle;
    if (!isAnyHungry && this.#until === 0) return false;
    const next = live === 0 ? -1 : rings.peek(hold.p, 0);
    if (next < 0 || !this.#livesLong(next)) {
      this.#until = 0;
      return false;
    }
    if (!this.#isPatient(isAnyHungry)) return false;
    this.#shim.yieldCpu();
    return true;
  }

  #livesLong(slot: number): boolean {
    // Partner: prepare(). It may have been taken by now.
    const definition = load(this.#arena.i32, this.#arena.g(slot) + G_TASK);
    return this.#times.livesLong(definition);
  }

  #isPatient(isAnyHungry: boolean): boolean {
    const now = this.#shim.nowNs();
    if (isAnyHungry) this.#hungry = now;
    if (this.#until === 0) {
      if (now < this.#notBefore) return false;
      this.#until = now + PATIENCE;
    }
    if (now < Math.min(this.#until, this.#hungry + GRACE)) return true;
    if (now >= this.#until) this.#notBefore = now + BETWEEN;
    this.#until = 0;
    return false;
  }
}
