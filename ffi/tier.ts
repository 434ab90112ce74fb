/**
 * With the native shim or without: the host decides, once for each scheduler, and its threads do as it says. `HEDDLE_TIER=none`
 * does without; else who lacks the shim is told so by one line, as a program may rely on preemption without asking for it.
 */
import { requireSupported } from "./load.ts";
import { isGranted, variable } from "./permitted.ts";
import { loadShim, type Shim } from "./shim.ts";
import { shimless } from "./shimless.ts";

let hasTold = false;

/** By the host. */
export function openTier(): Shim {
  const wish = variable("HEDDLE_TIER") ?? "";
  if (wish === "none") return shimless("HEDDLE_TIER is none: unset it");
  if (wish !== "") throw new TypeError(`HEDDLE_TIER is "${wish}": give none, or unset it.`);
  const found = shimOrLack();
  if (typeof found !== "string") return found;
  if (!hasTold) {
    hasTold = true;
    console.warn(
      `Heddle runs without its native shim, so no task is preempted: ${found}. Set HEDDLE_TIER=none if that is meant.`,
    );
  }
  return shimless(found);
}

/** By a thread: `path` is that of its host's. */
export function joinTier(path: string): Shim {
  return path === "" ? shimless("its scheduler has none") : loadShim(path);
}

function shimOrLack(): Shim | string {
  try {
    requireSupported(Deno.build);
    if (!isGranted({ name: "ffi" })) {
      return "foreign functions are not allowed; run with --allow-ffi, without a list of paths";
    }
    return loadShim();
  } catch (error) {
    // Without /proc Deno (2.9) starts no worker.
    if (error instanceof Deno.errors.NotFound) throw error;
    const { message } = error as Error;
    return message.replace(/\.$/, "");
  }
}
