/** As scheduler/machine/private_queue.ts, in another order now and then. */
import * as undisturbed from "../../../../scheduler/machine/private_queue.ts";
import { isTheCase } from "../disturbance.ts";

type Entry = ReturnType<undisturbed.PrivateQueue["popNewest"]>;

export class PrivateQueue extends undisturbed.PrivateQueue {
  override popNewest(): Entry {
    return isTheCase(4) ? super.popOldest() : super.popNewest();
  }

  override popOldest(): Entry {
    return isTheCase(4) ? super.popNewest() : super.popOldest();
  }
}
