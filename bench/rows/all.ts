import { batch } from "./batch.ts";
import { beside } from "./beside.ts";
import { blocking } from "./blocking.ts";
import { computing } from "./compute.ts";
import { echoes } from "./echo.ts";
import { echoNet } from "./echo_net.ts";
import { idleCpu } from "./idle_cpu.ts";
import { idleSysmon } from "./idle_sysmon.ts";
import { mutex, mutexTry } from "./mutex.ts";
import { nativeBatch } from "./native_batch.ts";
import { nativeRoundTrip, nativeThread } from "./native_round_trip.ts";
import { parkedMemory } from "./parked_memory.ts";
import { parkedMillion, parkedReceivers } from "./parked_receivers.ts";
import { pingPong } from "./ping_pong.ts";
import { pipePingPong } from "./pipe_ping_pong.ts";
import { preemptCost } from "./preempt_cost.ts";
import { retake } from "./retake.ts";
import { roundTrip } from "./round_trip.ts";
import { locker, serverDedicated, serverLocked, serverNative, serverPool, wake } from "./server.ts";
import { sandboxed } from "./sandbox.ts";
import { shimless } from "./shimless.ts";
import { sieve } from "./sieve.ts";
import { spawn } from "./spawn.ts";
import { stream } from "./stream.ts";
import { threadMemory } from "./thread_memory.ts";
import { threadStart } from "./thread_start.ts";
import { urgent } from "./urgent.ts";

/** In the order of the table. */
export const rows = [
  roundTrip,
  batch,
  ...computing,
  ...echoes,
  spawn,
  pingPong,
  stream,
  mutex,
  mutexTry,
  sieve,
  blocking,
  pipePingPong,
  retake,
  serverPool,
  serverLocked,
  serverDedicated,
  serverNative,
  locker,
  wake,
  nativeRoundTrip,
  nativeThread,
  nativeBatch,
  threadMemory,
  threadStart,
  parkedMemory,
  parkedReceivers,
  parkedMillion,
  preemptCost,
  ...beside,
  ...urgent,
  idleCpu,
  idleSysmon,
  ...shimless,
  ...echoNet,
  ...sandboxed,
];
