/** As scheduler/queues/private_run_queue.ts, in another order now and then. */
import * as undisturbed from "../../../../scheduler/queues/private_run_queue.ts";
import { isTheCase } from "../disturbance.ts";

export class PrivateRunQueue<T> extends undisturbed.PrivateRunQueue<T> {
  override popNewest(): T | undefined {
    return isTheCase(4) ? super.popOldest() : super.popNewest();
  }

  override popOldest(): T | undefined {
    return isTheCase(4) ? super.popNewest() : super.popOldest();
  }
}
