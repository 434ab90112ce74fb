/** The heap's shared lists: a block is in one isolate's hands. Isolates keep two blocks before they give them back. */
import { Heap } from "../../../scheduler/arena/heap.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/memory_layout.ts";
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
