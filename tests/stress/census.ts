/**
 * What a quiet scheduler may still have in its arena: nothing but handles that the collector has not taken yet, and the
 * few records that each isolate keeps. What blocks are in use is known in the disturbed variant only.
 */
import { METER_RING } from "../../scheduler/arena/layout/meter.ts";
import type { Scheduler } from "@heddle/heddle";
import { LEAST_BLOCK } from "../../scheduler/arena/heap.ts";
import { Arena, type ArenaShape } from "../../scheduler/arena/arena.ts";
import {
  GLOBAL_HEAD,
  HEAP_TOP,
  IDLE_COUNTS,
  ISOLATES,
  LINE,
  MAX_UNITS,
  OBJECTS_FIRST,
  OVERSLEPT,
  PRIORITY_HEADS,
  PROCS,
} from "../../scheduler/arena/layout/header.ts";
import {
  HOST,
  M_LIVE,
  M_MAIL,
  M_RAN,
  M_ROLE,
  M_SLEEP,
  M_SPINNING,
  M_TID,
} from "../../scheduler/arena/layout/m.ts";
import { O_IN_FLIGHT, O_ISOLATES, O_KIND, O_NEXT } from "../../scheduler/arena/layout/object.ts";
import { P_HEAD, P_NEXT, P_STATUS, P_TAIL } from "../../scheduler/arena/layout/p.ts";
import { G_STATUS } from "../../scheduler/arena/layout/slot.ts";
import { ABANDONED, FROZEN } from "../../scheduler/parking/sleep_word.ts";
import { NONE } from "../../scheduler/parking/roles.ts";
import { collects, forgetLast } from "./tasks/collecting.ts";

/** With the shadow of seams/arena/arena.ts. */
type ShadowedArena = Arena & { shadow(block: number): number };

/** As in seams/heap.ts. */
const VALUE = 64;
/** As variant.ts makes it: records that an isolate keeps. */
const KEPT = 4;

let largest: SharedArrayBuffer | undefined;

/** Before a scheduler starts: its arena is the next buffer of that size. */
export function catchArena(bytes: number): void {
  const { SharedArrayBuffer: Real } = globalThis;
  globalThis.SharedArrayBuffer = class extends Real {
    constructor(length: number) {
      super(length);
      if (length >= bytes) [largest, globalThis.SharedArrayBuffer] = [this, Real];
    }
  } as SharedArrayBufferConstructor;
}

/** The host's view of it. */
export function caughtArena(shape: ArenaShape): Arena {
  return new Arena(shape, largest);
}

/** Whether there is a shadow, as in the disturbed variant. */
export function hasShadow(arena: Arena): arena is ShadowedArena {
  return "shadow" in arena;
}

/** Whether its thread has ended. */
function isDead(arena: Arena, isolate: number): boolean {
  return isolate !== HOST && arena.i32[arena.isolate(isolate) + M_ROLE] === NONE;
}

/** What is not as it should be, in words: queues, mailboxes, slots. */
export function leftBehind(arena: Arena): string[] {
  const words = arena.i32;
  const left: string[] = [];
  for (const head of [GLOBAL_HEAD, PRIORITY_HEADS, PRIORITY_HEADS + 2 * LINE]) {
    const tail = head + LINE;
    if (words[head] !== words[tail]) left.push(`a global queue: ${words[head]}, ${words[tail]}`);
  }
  if (words[OVERSLEPT] !== 0) {
    left.push(`threads that slept beside a task that could go on: ${words[OVERSLEPT]} times`);
  }
  if ((words[IDLE_COUNTS] & 0xffff) !== 0) left.push(`spinning: ${words[IDLE_COUNTS] & 0xffff}`);
  for (let isolate = 0; isolate < words[ISOLATES]; isolate++) {
    const record = arena.isolate(isolate);
    if (words[record + M_MAIL] !== 0 && !isDead(arena, isolate)) {
      left.push(`mail of isolate ${isolate}: ${words[record + M_MAIL]}`);
    }
    if (words[record + M_SPINNING] !== 0) left.push(`isolate ${isolate} spins`);
  }
  const end = arena.firstSlot(words[ISOLATES]);
  for (let slot = 0; slot < end; slot++) {
    const g = arena.g(slot);
    const [status, , runner, , , mailed, cancel, payload, block, id] = words.subarray(g, g + 10);
    if ((status === 0 && mailed === 0) || isDead(arena, arena.ownerOf(slot))) continue;
    left.push(
      `slot ${slot} of ${
        arena.ownerOf(slot)
      }: status ${status}, runner ${runner}, mailed ${mailed}, cancel ${cancel}, ` +
        `payload ${payload} ${block}, id ${id}`,
    );
  }
  return left;
}

/** For a report: the Ps and the isolates. */
export function isolates(arena: Arena): string[] {
  const words = arena.i32;
  const ps = Array.from({ length: words[PROCS] + 2 }, (_, p) => {
    const at = arena.processor(p);
    return `P ${p}: status ${words[at + P_STATUS]}, ring ${words[at + P_HEAD]} to ${
      words[at + P_TAIL]
    }, next ${words[at + P_NEXT]}`;
  });
  return [...ps, ...threads(arena)];
}

/** After close(): threads whose tasks were abandoned, or computed on. They end with the process. */
export function frozenForGood(arena: Arena): Set<number> {
  const words = arena.i32;
  const tids = new Set<number>();
  for (let isolate = HOST + 1; isolate < words[ISOLATES]; isolate++) {
    const at = arena.isolate(isolate);
    if (words[at + M_SLEEP] === FROZEN || words[at + M_SLEEP] === ABANDONED) tids.add(words[at + M_TID]);
  }
  return tids;
}

function threads(arena: Arena): string[] {
  const words = arena.i32;
  return Array.from({ length: words[ISOLATES] }, (_, isolate) => {
    const at = arena.isolate(isolate);
    return `isolate ${isolate}: sleep ${words[at + M_SLEEP]}, wants a P ${words[at + 1]}, role ${
      words[at + M_ROLE]
    }, live ${words[at + M_LIVE]}, tid ${words[at + M_TID]}, ran ${words[at + M_RAN]}`;
  });
}

function objects(arena: Arena): number[] {
  const found: number[] = [];
  for (let at = arena.i32[OBJECTS_FIRST]; at !== 0; at = arena.i32[at + O_NEXT]) found.push(at);
  return found;
}

function describeObject(arena: Arena, at: number): string {
  const bits = arena.i32.slice(at + O_ISOLATES, at + O_ISOLATES + arena.isolateBits);
  return `object ${at} of kind ${arena.i32[at + O_KIND]}, on its way ${
    arena.i32[at + O_IN_FLIGHT]
  }, known to ${[...bits].map((word) => (word >>> 0).toString(2))}`;
}

/** Whether tasks of a thread that has ended were or are in flight: the host frees their slots when it needs the number. */
export function hasOrphans(arena: Arena): boolean {
  const end = arena.firstSlot(arena.i32[ISOLATES]);
  for (let slot = 0; slot < end; slot++) {
    if (arena.i32[arena.g(slot) + G_STATUS] !== 0 && isDead(arena, arena.ownerOf(slot))) return true;
  }
  return false;
}

/** Threads that were traced keep theirs: by word of the map of spans. */
function unitsOfRings(arena: Arena): Map<number, number> {
  const units = new Map<number, number>();
  for (const number of [...Array(arena.i32[ISOLATES]).keys(), arena.sysmonMeter]) {
    const reference = -arena.i32[arena.meter(number) + METER_RING];
    const first = Math.floor(reference / MAX_UNITS);
    for (let unit = first; unit < first + reference % MAX_UNITS; unit++) {
      units.set(unit >> 5, (units.get(unit >> 5) ?? 0) | 1 << (unit & 31));
    }
  }
  return units;
}

/** Blocks and spans that nobody has, in words. */
function lostBlocks(arena: ShadowedArena): string[] {
  const known = new Set(objects(arena).map((at) => at * 4));
  const lost: string[] = [];
  let records = 0;
  const end = arena.heapAt + arena.i32[HEAP_TOP] * LEAST_BLOCK;
  for (let block = arena.heapAt; block < end; block += LEAST_BLOCK) {
    const mark = arena.i32[arena.shadow(block)];
    if (mark === 0 || known.has(block)) continue;
    if (mark === 1) records++;
    else lost.push(`block ${block} of class ${(mark & 63) - 1}${mark & VALUE ? ", a value" : ""}`);
  }
  const rings = unitsOfRings(arena);
  for (let word = 0; word < MAX_UNITS / 32; word++) {
    const bits = arena.i32[arena.spans + word] & ~(rings.get(word) ?? 0);
    if (bits !== 0) lost.push(`units ${word * 32} on, of spans: ${(bits >>> 0).toString(2)}`);
  }
  const most = KEPT * arena.i32[ISOLATES];
  if (records > most) lost.push(`${records} records, and ${most} may be kept`);
  return lost;
}

/**
 * After everything that the round had is garbage: the collector on all threads, until no object is left. Returns what is
 * left after `patienceMs`. Values in channels go with their channels.
 */
export async function lostAfterCollection(
  arena: ShadowedArena,
  sched: Scheduler,
  maxThreads: number,
  patienceMs: number,
): Promise<string[]> {
  const end = performance.now() + patienceMs;
  for (;;) {
    // All threads of the pool get a P, so that each of them collects.
    const threads = Math.min(sched.stats().threads, maxThreads - 1);
    sched.setProcs(Math.max(1, threads));
    await Promise.all(Array.from({ length: 2 * threads }, () => sched.go(collects(2))));
    await forgetLast(sched);
    (globalThis as unknown as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 1));
    const left = objects(arena);
    const lost = [...left.map((at) => describeObject(arena, at)), ...lostBlocks(arena)];
    if (lost.length === 0 || performance.now() > end) return lost;
  }
}
