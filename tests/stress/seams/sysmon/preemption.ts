/**
 * As scheduler/sysmon/preemption.ts; threads get signals although nobody has asked them anything, and wake for nothing: those that
 * are frozen in the loop of their handler, others wherever they sleep.
 */
import type { Shared } from "../../../../scheduler/parking/shared.ts";
import type { Shim } from "../../../../ffi/shim.ts";
import { load } from "../../../../scheduler/arena/atomics.ts";
import type { Arena } from "../../../../scheduler/arena/arena.ts";
import { ISOLATES } from "../../../../scheduler/arena/layout/header.ts";
import { HOST, M_SLEEP, M_TID } from "../../../../scheduler/arena/layout/m.ts";
import type { Parker } from "../../../../scheduler/parking/parker.ts";
import type { Meter } from "../../../../scheduler/tracing/meter.ts";
import * as undisturbed from "../../../../scheduler/sysmon/preemption.ts";
import { isTheCase } from "../disturbance.ts";

export class Preemption extends undisturbed.Preemption {
  readonly #ours: Arena;
  readonly #itsShim: Shim;
  readonly #itsParker: Parker;

  constructor(shared: Shared, shim: Shim, meter: Meter) {
    super(shared, shim, meter);
    this.#ours = shared.arena;
    this.#itsShim = shim;
    this.#itsParker = shared.parker;
  }

  override begin(now: number): void {
    const isolates = load(this.#ours.i32, ISOLATES);
    for (let isolate = HOST + 1; isolate < isolates; isolate++) {
      const record = this.#ours.isolate(isolate);
      const tid = load(this.#ours.i32, record + M_TID);
      const canBeSignalled = tid !== 0 && this.#itsShim.capabilities.preemption;
      if (canBeSignalled && isTheCase(20)) this.#itsShim.preempt(tid);
      if (isTheCase(20)) this.#itsParker.futex.wake(record + M_SLEEP);
    }
    super.begin(now);
  }
}
