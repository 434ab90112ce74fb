/** Each thread writes its number all over the blocks it gets, hands some to the others, and looks before it frees. */
import { Heap, LEAST_BLOCK } from "../../../scheduler/arena/heap.ts";
import { arrive, random } from "./hammer.ts";

const DAMAGED = 2;
const REFUSED = 3;
const ROUNDS = 4;
const GIVEN = 5;
/** Blocks on their way to who comes first: block and class in two words each, the block 0 while there is none. */
const TABLE = 8;
const PLACES = 16;
const CLASSES = 4;

const { arena, words, number } = arrive();
const heap = new Heap(arena, 0);
const next = random(number + 1);
const held: [block: number, sizeClass: number][] = [];

function stamp(block: number, sizeClass: number): void {
  arena.i32.fill(block ^ sizeClass, block >> 2, (block + (LEAST_BLOCK << sizeClass)) >> 2);
}

function release(block: number, sizeClass: number): void {
  const all = arena.i32.subarray(block >> 2, (block + (LEAST_BLOCK << sizeClass)) >> 2);
  if (!all.every((word) => word === (block ^ sizeClass))) Atomics.add(words, DAMAGED, 1);
  heap.free(block, sizeClass);
}

for (let round = 0; round < words[ROUNDS]; round++) {
  if (held.length < 50 && next() % 100 < 55) {
    const sizeClass = next() % CLASSES;
    const block = heap.allocate(sizeClass);
    if (block === 0) {
      Atomics.add(words, REFUSED, 1);
      continue;
    }
    stamp(block, sizeClass);
    held.push([block, sizeClass]);
  } else if (held.length > 0) {
    const [[block, sizeClass]] = held.splice(next() % held.length, 1);
    if (next() % 2 === 0) release(block, sizeClass);
    else {
      // A block's class is its stamp's difference from its address.
      const other = Atomics.exchange(words, TABLE + next() % PLACES, block);
      if (other !== 0) {
        Atomics.add(words, GIVEN, 1);
        release(other, arena.i32[other >> 2] ^ other);
      }
    }
  }
}
for (const [block, sizeClass] of held) release(block, sizeClass);
