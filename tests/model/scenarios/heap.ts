/**
 * The heap's shared lists: a block is in one isolate's hands. Isolates keep two blocks before they give them back. And its
 * spans: two units are free, each with its bit in another word of the map, and a third one will be.
 */
import { Heap } from "../../../scheduler/arena/heap.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/memory_layout.ts";
import { spanAt, Spans, UNIT } from "../../../scheduler/arena/spans.ts";
import { check, type Scenario } from "../scenario.ts";

export const heap: Scenario = {
  name: "heap: blocks given back and taken",
  bound: 3,
  short: 2,
  setUp() {
    const arena = new Arena({ maxTasks: 1, maxThreads: 0, bytes: leastArenaBytes(1, 0) });
    const words = arena.i32;
    const use = (heap: Heap, id: number) => {
      const take = () => {
        const block = heap.allocate(0);
        // Plain access: two owners would be a race, or find the other's mark.
        words[block >> 2] = id;
        words[(block >> 2) + 1] = id;
        return block;
      };
      const give = (block: number) => {
        check(
          words[block >> 2] === id && words[(block >> 2) + 1] === id,
          "a block is in one isolate's hands",
        );
        heap.free(block, 0);
      };
      return () => {
        const one = take();
        const two = take();
        give(one);
        give(two);
        const three = take();
        const four = take();
        give(four);
        give(three);
      };
    };
    const heaps = [1, 2, 3].map((id) => use(new Heap(arena, 0), id));
    return {
      arena,
      threads: { one: heaps[0], two: heaps[1], three: heaps[2] },
      end() {
        const heap = new Heap(arena, 0);
        const seen = new Set<number>();
        for (let block = heap.allocate(0); seen.size < 8; block = heap.allocate(0)) {
          check(!seen.has(block), "a block is in the lists once");
          seen.add(block);
        }
      },
    };
  },
};

const UNITS = 33;
const TAKEN = 30;
/** The class of a block as large as a unit. */
const UNIT_CLASS = 10;

export const spans: Scenario = {
  name: "heap: spans and a block against each other",
  bound: 3,
  short: 2,
  setUp() {
    const shape = { maxTasks: 1, maxThreads: 0, bytes: leastArenaBytes(1, 0) };
    const arena = new Arena({ ...shape, bytes: new Arena(shape).heapAt + UNITS * UNIT });
    const words = arena.i32;
    /** Plain access to the first word of the ends of [from, to): two owners would be a race, or find the other's mark. */
    const mark = (id: number, from: number, to: number) => {
      const ends = [from >> 2, (to - UNIT) >> 2];
      for (const at of ends) words[at] = id;
      return () => {
        for (const at of ends) check(words[at] === id, "a unit is in one isolate's hands");
      };
    };
    const use = (id: number, ...counts: number[]) => {
      const own = new Spans(arena, 0);
      return () => {
        for (const count of counts) {
          const reference = own.allocate(count * UNIT);
          if (reference === 0) continue;
          const at = spanAt(arena, reference);
          mark(id, at, at + count * UNIT)();
          own.free(reference);
        }
      };
    };
    const heap = new Heap(arena, 0);
    const first = new Spans(arena, 0);
    const [before, piece] = [first.allocate(TAKEN * UNIT), first.allocate(UNIT)];
    const uses = use(1, 1);
    return {
      arena,
      threads: {
        one() {
          uses();
          first.free(piece);
        },
        two: use(2, 2),
        block() {
          const block = heap.allocate(UNIT_CLASS);
          if (block !== 0) mark(3, block, block + UNIT)();
        },
      },
      end() {
        const own = new Spans(arena, 0);
        own.free(before);
        check(words[arena.spans] === 0 && words[arena.spans + 1] === 0, "no unit is left");
        check(own.allocate((UNITS - 1) * UNIT) !== 0, "what is not a block's can be a span's");
      },
    };
  },
};
