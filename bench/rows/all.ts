import { arithmetic } from "./arithmetic.ts";
import { batch } from "./batch.ts";
import { idleCpu } from "./idle_cpu.ts";
import { nativeBatch } from "./native_batch.ts";
import { nativeRoundTrip, nativeThread } from "./native_round_trip.ts";
import { parkedMemory } from "./parked_memory.ts";
import { roundTrip } from "./round_trip.ts";
import { spawn } from "./spawn.ts";
import { threadMemory } from "./thread_memory.ts";

/** In the order of the table. */
export const rows = [
  roundTrip,
  batch,
  arithmetic,
  spawn,
  nativeRoundTrip,
  nativeThread,
  nativeBatch,
  threadMemory,
  parkedMemory,
  idleCpu,
];
