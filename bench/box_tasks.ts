/** What a pool computes beside boxes. */
import { task } from "@heddle/heddle";
import { spin } from "./workload.ts";

/** Steps of 5 us, after so many of which others have their turn. */
const STEPS = 200;

/** Computes until the first word is set, counts its steps in the second one, and yields every millisecond. */
export const computed = task(
  import.meta,
  "computed",
  async (context, shared: SharedArrayBuffer): Promise<void> => {
    const words = new Int32Array(shared);
    for (let step = 1; Atomics.load(words, 0) === 0; step++) {
      spin(step, 3000);
      Atomics.add(words, 1, 1);
      if (step % STEPS === 0) await context.yield();
    }
  },
);
