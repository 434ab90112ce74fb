/** Children that another thread takes while their parent computes. */
import { task, type TaskContext } from "@heddle/heddle";

const nothing = task(import.meta, "nothing", () => {});

/** Milliseconds that a parent waits for a thief. */
const PATIENCE = 50_000;

/**
 * Computes until `isTaken` says that others have what the task started before. Others see children once a handful has
 * gathered, or somebody is hungry, and tiny ones only now and then: so further ones are started until it happens.
 */
export function computeUntil(isTaken: () => boolean, ctx: TaskContext): void {
  const begun = performance.now();
  let decoys = 0;
  for (let ms = 0; !isTaken() && ms < PATIENCE; ms = performance.now() - begun) {
    // Seldom after the first handful: they outlive the wait, and go before what is started later.
    for (; decoys < 8 + 0.08 * ms; decoys++) ctx.go(nothing());
    void ctx.shouldYield;
  }
}
