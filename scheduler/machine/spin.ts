/** How an M that found nothing looks around before it sleeps: for how long, and in which order at its victims. */
import type { Shim } from "../../ffi/shim.ts";
import { pause } from "../arena/atomics.ts";

/** Nanoseconds of looking before a sleep. Waking an idle core takes 5 to 10 us. See machine/README.md, "Spinning". */
const SPIN = 20_000;

/** Nanoseconds of a yield in which another thread must have run. A yield to nobody takes 300 to 500. */
const SWITCHED = 1_200;

export class Spinner {
  readonly #shim: Shim;
  #deadline = 0;
  #procs = 0;
  #steps: number[] = [];
  #position = 0;
  #step = 1;
  #random = 0x9e3779b9;

  constructor(shim: Shim) {
    this.#shim = shim;
    this.#random ^= shim.gettid();
  }

  start(): void {
    this.#deadline = this.#shim.nowNs() + SPIN;
  }

  isOver(): boolean {
    return this.#shim.nowNs() >= this.#deadline;
  }

  /**
   * The kernel likes to put a thread on the CPU of who woke it, the other one of a pair that talks. A spin that does not
   * yield then keeps out the very thread that it waits for. And if another one did run there, this spin is over: a thread
   * that is woken from a sleep gets an idle CPU, if there is one, while two that yield to each other stay together.
   * Median round trip 5.2 us instead of 8.5, on two CPUs with little else to do.
   */
  pause(round: number): void {
    if (round % 8 !== 7) return pause();
    const before = this.#shim.nowNs();
    this.#shim.yieldCpu();
    if (this.#shim.nowNs() - before > SWITCHED) this.#deadline = 0;
  }

  /**
   * From a random place in steps coprime to `procs`, as Go's randomOrder: every P once, in an order that two thieves
   * seldom share, without a list to shuffle.
   */
  shuffle(procs: number): void {
    if (procs !== this.#procs) {
      this.#procs = procs;
      this.#steps = Array.from({ length: procs }, (_, i) => i + 1).filter((step) => gcd(step, procs) === 1);
    }
    // xorshift32 (Marsaglia).
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.#random = random;
    this.#position = (random >>> 0) % procs;
    this.#step = this.#steps[(random >>> 16) % this.#steps.length];
  }

  nextVictim(): number {
    const victim = this.#position;
    this.#position = (victim + this.#step) % this.#procs;
    return victim;
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
