/** A P's ring of 4: its owner pushes and pops, thieves steal, what does not fit goes to the global queue. */
import { GlobalRunQueue } from "../../../scheduler/queues/global_run_queue.ts";
import { LocalRunQueue } from "../../../scheduler/queues/local_run_queue.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { P_HEAD, P_TAIL } from "../../../scheduler/arena/layout/p.ts";
import { checkEqual, type Scenario } from "../scenario.ts";

function make() {
  const arena = new Arena({ maxTasks: 16, maxThreads: 2, bytes: leastArenaBytes(16, 2) });
  const global = new GlobalRunQueue(arena);
  const rings = new LocalRunQueue(arena, global);
  const taken: number[] = [];
  return {
    arena,
    rings,
    taken,
    take(slot: number) {
      if (slot >= 0) taken.push(slot);
    },
    /** Everything that was put in is found once. */
    everyOne(count: number) {
      for (const p of [0, 1, 2]) {
        for (let slot = rings.pop(p); slot >= 0; slot = rings.pop(p)) taken.push(slot);
      }
      while (global.pop(16, (slot) => taken.push(slot)) > 0);
      taken.sort((a, b) => a - b);
      checkEqual(taken, Array.from({ length: count }, (_, i) => i), "what was pushed, once each");
    },
  };
}

export const overflow: Scenario = {
  name: "local ring: push, pop, steal, overflow",
  bound: 3,
  short: 2,
  setUp() {
    const { arena, rings, take, everyOne } = make();
    for (const p of [0, 1]) {
      arena.i32[arena.processor(p) + P_HEAD] = 2 ** 31 - 2;
      arena.i32[arena.processor(p) + P_TAIL] = 2 ** 31 - 2;
    }
    for (let slot = 0; slot < 3; slot++) rings.push(0, slot);
    return {
      arena,
      threads: {
        owner() {
          rings.push(0, 3);
          rings.push(0, 4);
          take(rings.pop(0));
          rings.pushNext(0, 5);
          rings.pushNext(0, 6);
          take(rings.pop(0));
        },
        thief() {
          take(rings.steal(0, 1, false));
          take(rings.pop(1));
          take(rings.pop(1));
          take(rings.steal(0, 1, true));
        },
      },
      end: () => everyOne(7),
    };
  },
};
