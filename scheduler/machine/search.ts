/**
 * How an M without work of its own finds some: in the global queue, and in other Ps' rings. For a short while it spins, on
 * which submitters rely (idle.ts).
 */
import type { Shim } from "../../ffi/shim.ts";
import type { Shared } from "../parking/shared.ts";
import { store } from "../arena/atomics.ts";
import type { GlobalRunQueue } from "../queues/global_run_queue.ts";
import { EXEMPT_P, type Idle, NO_P } from "../parking/idle.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import type { LocalRunQueue } from "../queues/local_run_queue.ts";
import type { Locks } from "../parking/locks.ts";
import type { Machine } from "./machine.ts";
import { type Arena, M_SPINNING } from "../arena/memory_layout.ts";
import { Spinner } from "./spin.ts";

/** Go's limit of a batch from the global queue: half a local ring. */
const GLOBAL_BATCH = 128;

export class Search {
  readonly #machine: Machine;
  readonly #words: Int32Array;
  readonly #record: number;
  readonly #idle: Idle;
  readonly #wakeups: Wakeups;
  readonly #global: GlobalRunQueue;
  readonly #local: LocalRunQueue;
  readonly #locks: Locks;
  readonly #spinner: Spinner;
  #taken = -1;
  /** One of those that spin. */
  isSpinning = false;
  /** Gs taken from other Ps. */
  stolen = 0;

  constructor(
    machine: Machine,
    isolate: number,
    arena: Arena,
    shim: Shim,
    shared: Shared,
    global: GlobalRunQueue,
    local: LocalRunQueue,
    locks: Locks,
  ) {
    this.#machine = machine;
    this.#words = arena.i32;
    this.#record = arena.isolate(isolate);
    this.#idle = shared.idle;
    this.#wakeups = shared.wakeups;
    this.#global = global;
    this.#local = local;
    this.#locks = locks;
    this.#spinner = new Spinner(shim);
  }

  /** The host reads it, and takes it back from idle.ts's count if the thread dies. */
  setSpinning(is: boolean): void {
    this.isSpinning = is;
    store(this.#words, this.#record + M_SPINNING, is ? 1 : 0);
  }

  /** It has something to do: if it was one of those that spin, it is not any more. */
  end(): void {
    if (!this.isSpinning) return;
    this.setSpinning(false);
    this.#wakeups.foundWork();
  }

  /** Tasks may run from here on. Who is counted as spinning is not frozen: others would rely on it for as long. */
  leave(): void {
    if (!this.isSpinning) this.#locks.leave();
  }

  /** A fair share of the global queue: one to run now, the rest into the local ring. -1 when there is none. */
  takeGlobal(most = GLOBAL_BATCH): number {
    if (!this.#machine.takesWork || this.#global.isEmpty()) return -1;
    const share = Math.floor(this.#global.length / this.#idle.procs) + 1;
    this.#taken = -1;
    this.#global.pop(Math.min(most, share), this.#keep);
    return this.#taken;
  }

  readonly #keep = (entry: number): void => {
    if (entry < 0) this.#machine.handOff(-entry);
    else if (this.#taken < 0) this.#taken = entry;
    else this.#local.push(this.#machine.p, entry);
  };

  /** Looks into other Ps' rings, then for a while at everything. Whether something was found, and run if it was a slot. */
  async spin(): Promise<boolean> {
    const machine = this.#machine;
    try {
      if (!machine.takesWork && machine.p !== EXEMPT_P) {
        // Others can use its P.
        this.end();
        return machine.hasOwnWork();
      }
      this.#spinner.start();
      for (let round = 0;; round++) {
        // First: only a thief without work of its own has room in its ring.
        if (machine.hasWorkHere()) {
          this.end();
          return true;
        }
        if (machine.takesWork) {
          if (!this.isSpinning) {
            if (!this.#idle.startSpinning()) return false;
            this.setSpinning(true);
          }
          const slot = this.#steal(round);
          if (slot >= 0) {
            this.stolen++;
            this.end();
            return machine.runner.runSlot(slot);
          }
          const taken = this.takeGlobal();
          if (taken >= 0 || machine.p === NO_P) {
            this.end();
            machine.runner.runSlot(taken);
            return true;
          }
        }
        if (this.#spinner.isOver()) return false;
        if (machine.waitsForOurs) {
          this.#spinner.pause(round);
        } else {
          // In the event loop a G may go on, and for how long? Meanwhile submitters are not to rely on this M.
          this.end();
          await machine.turn();
          this.#locks.enter();
        }
      }
    } finally {
      this.leave();
    }
  }

  /** Four passes over all counted Ps in Go's manner; runnext in the last one only. Later rounds repeat that one. */
  #steal(round: number): number {
    const procs = this.#idle.procs;
    const { p } = this.#machine;
    for (let pass = Math.min(round, 3); pass < 4; pass++) {
      this.#spinner.shuffle(procs);
      for (let i = 0; i < procs; i++) {
        const victim = this.#spinner.nextVictim();
        if (victim === p || this.#local.isEmpty(victim)) continue;
        const slot = this.#local.steal(victim, p, pass === 3);
        if (slot >= 0) return slot;
      }
      if (round > 3) break;
    }
    return -1;
  }
}
