import { arithmetic } from "./arithmetic.ts";
import { batch } from "./batch.ts";
import { blocking } from "./blocking.ts";
import { idleCpu } from "./idle_cpu.ts";
import { idleSysmon } from "./idle_sysmon.ts";
import { parkedMemory } from "./parked_memory.ts";
import { pingPong } from "./ping_pong.ts";
import { retake } from "./retake.ts";
import { roundTrip } from "./round_trip.ts";
import { spawn } from "./spawn.ts";
import { threadMemory } from "./thread_memory.ts";

/** In the order of the table. */
export const rows = [
  roundTrip,
  batch,
  arithmetic,
  spawn,
  blocking,
  pingPong,
  retake,
  threadMemory,
  parkedMemory,
  idleCpu,
  idleSysmon,
];
