/** Children that another thread takes while their parent computes. */
import { task, type TaskContext } from "@heddle/heddle";

const nothing = task(import.meta, "nothing", () => {});

/** Milliseconds that a parent waits for a thief. */
const PATIENCE = 15_000;

/**
 * Computes until `isTaken` says that others have what the task started before. Others see children once a handful has
 * gathered, or somebody is hungry, and tiny ones only now and then: so further ones are started until it happens.
 */
export function computeUntil(isTaken: () => boolean, ctx: TaskContext): void {
  const begun = performance.now();
  let decoys = 0;
  for (let ms = 0; !isTaken() && ms < PATIENCE; ms = performance.now() - begun) {
    // Eight a millisecond: a thief that gets no CPU for long is not to find a hundred thousand.
    for (; decoys < 8 + 8 * ms; decoys++) ctx.go(nothing());
    void ctx.shouldYield;
  }
}
