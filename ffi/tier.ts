/**
 * With the native shim or without: the host decides, once for each scheduler, and its threads do as it says. `HEDDLE_TIER=none`
 * does without; else who lacks the shim is told so by one line, as a program may rely on preemption without asking for it.
 */
import { errnoName } from "./errno.ts";
import { requireSupported } from "./load.ts";
import { isGranted, variable } from "./permitted.ts";
import { loadShim, type Shim } from "./shim.ts";
import { lacksProc, shimless } from "./shimless.ts";

let hasTold = false;

/** By the host. `preempts`: tasks are to be frozen, and where the system refuses that there is no shim. */
export function openTier(preempts: boolean): Shim {
  const wish = variable("HEDDLE_TIER") ?? "";
  if (wish === "none") return withoutShim("HEDDLE_TIER is none: unset it");
  if (wish !== "") throw new TypeError(`HEDDLE_TIER is "${wish}": give none, or unset it.`);
  const found = shimOrLack(preempts);
  if (typeof found !== "string") return found;
  const shim = withoutShim(found);
  if (!hasTold) {
    hasTold = true;
    console.warn(
      `Heddle runs without its native shim, so no task is preempted: ${found}. Set HEDDLE_TIER=none if that is meant.`,
    );
  }
  return shim;
}

/** By a thread: `path` is that of its host's. */
export function joinTier(path: string): Shim {
  return path === "" ? shimless("its scheduler has none") : loadShim(path);
}

/** The shim is loaded from /proc, too, so that whoever has it is told by `tryWorker` when that goes away. */
function withoutShim(lack: string): Shim {
  if (!lacksProc()) return shimless(lack);
  throw new Deno.errors.NotFound("There is no /proc: Deno (2.9) starts no worker without it. Mount it.");
}

function shimOrLack(preempts: boolean): Shim | string {
  try {
    requireSupported(Deno.build);
    if (!isGranted({ name: "ffi" })) {
      return "foreign functions are not allowed; run with --allow-ffi, without a list of paths";
    }
    const shim = loadShim();
    const lack = preempts ? preemptionLack(shim) : undefined;
    if (lack === undefined) return shim;
    shim.close();
    return lack;
  } catch (error) {
    const { message } = error as Error;
    return message.replace(/\.$/, "");
  }
}

/** Filters of system calls may refuse both. No thread has the number 0: it is sent no signal. */
function preemptionLack(shim: Shim): string | undefined {
  const handler = shim.installPreemption();
  if (handler < 0) {
    return `the system refuses a handler of the signal that freezes them (sigaction: ${errnoName(handler)})`;
  }
  const sent = errnoName(shim.preempt(0));
  if (sent !== "EINVAL") return `the system refuses the signal that freezes them (tgkill: ${sent})`;
}
