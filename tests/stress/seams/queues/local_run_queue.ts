/** As scheduler/queues/local_run_queue.ts; now and then nothing becomes `runnext`, or one more entry takes its turn at the end. */
import * as undisturbed from "../../../../scheduler/queues/local_run_queue.ts";
import { isTheCase } from "../disturbance.ts";

export * from "../../../../scheduler/queues/local_run_queue.ts";

export class LocalRunQueue extends undisturbed.LocalRunQueue {
  override pushNext(p: number, slot: number): void {
    if (isTheCase(3)) this.push(p, slot);
    else super.pushNext(p, slot);
  }

  override pop(p: number): number {
    const slot = super.pop(p);
    if (slot < 0 || !isTheCase(8)) return slot;
    const other = super.pop(p);
    if (other < 0) return slot;
    this.push(p, slot);
    return other;
  }
}
