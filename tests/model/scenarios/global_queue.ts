/** The global queue, with room for four entries: producers, consumers, batches, notes, and cells that come round again. */
import { GlobalRunQueue } from "../../../scheduler/queues/global_run_queue.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { GLOBAL_HEAD, GLOBAL_TAIL } from "../../../scheduler/arena/layout/header.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";

/** As if it had gone round almost until its positions wrap. */
function make() {
  const arena = new Arena({ maxTasks: 3, maxThreads: 0, bytes: leastArenaBytes(3, 0) });
  checkEqual(arena.globalCapacity, 4, "capacity");
  const start = 2 ** 31 - 4;
  arena.i32[GLOBAL_HEAD] = arena.i32[GLOBAL_TAIL] = start;
  for (let i = 0; i < 4; i++) arena.i32[arena.globalCells + 2 * i] = start;
  return { arena, queue: new GlobalRunQueue(arena) };
}

function drain(queue: GlobalRunQueue): number[] {
  const all: number[] = [];
  while (queue.pop(8, (entry) => all.push(entry)) > 0);
  return all;
}

function sorted(numbers: number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

export const batches: Scenario = {
  name: "global queue: two producers, two consumers, a note",
  bound: 3,
  short: 2,
  setUp() {
    const { arena, queue } = make();
    const first: number[][] = [];
    const second: number[][] = [];
    const take = (batches: number[][], most: number) => {
      const batch: number[] = [];
      queue.pop(most, (entry) => batch.push(entry));
      batches.push(batch);
    };
    return {
      arena,
      threads: {
        one() {
          queue.push(0);
          queue.push(1);
        },
        other() {
          queue.push(-1);
          queue.push(2);
        },
        eater() {
          take(first, 3);
          take(first, 1);
        },
        waker() {
          const isolate = queue.popNote();
          if (isolate !== 0) second.push([-isolate]);
          take(second, 2);
        },
      },
      end() {
        const left = drain(queue);
        const batches = [...first, ...second];
        checkEqual(sorted([...batches.flat(), ...left]), [-1, 0, 1, 2], "entries");
        for (const batch of batches) {
          check(!batch.includes(-1) || batch.at(-1) === -1, "a note ends its batch");
        }
        for (const order of [first.flat(), second.flat(), left]) {
          check(!(order.indexOf(0) > order.indexOf(1) && order.includes(1)), "first in, first out");
        }
      },
    };
  },
};

export const round: Scenario = {
  name: "global queue: cells come round again",
  bound: 3,
  short: 2,
  setUp() {
    const { arena, queue } = make();
    for (const entry of [0, 1, 2]) queue.push(entry);
    const goRound = () => {
      for (let i = 0; i < 2; i++) {
        let taken = -1;
        queue.pop(1, (entry) => void (taken = entry));
        if (taken >= 0) queue.push(taken);
      }
    };
    return {
      arena,
      threads: { one: goRound, other: goRound, third: goRound },
      end: () => checkEqual(sorted(drain(queue)), [0, 1, 2], "entries"),
    };
  },
};
