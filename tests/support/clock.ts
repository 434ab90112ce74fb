/** A clock that all threads of the process share, in nanoseconds: the shim's, or by the time of day when each thread's own began. */
import { openTier } from "../../ffi/tier.ts";

const { capabilities, nowNs: ofTier } = openTier(false);

export const nowNs = capabilities.native ? ofTier : () => (performance.timeOrigin + performance.now()) * 1e6;
