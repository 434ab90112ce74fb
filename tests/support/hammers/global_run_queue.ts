/** Producers push entries and notes, consumers pop them. Counts are from word 8; notes count downwards from the end. */
import { GlobalRunQueue } from "../../../scheduler/queues/global_run_queue.ts";
import { arrive, random } from "./hammer.ts";

const OUTSTANDING = 2;
const CONSUMED = 3;
const EACH = 4;
const DISORDER = 5;
const PRODUCERS = 6;
const COUNTS = 8;

const { arena, words, number, role } = arrive();
const queue = new GlobalRunQueue(arena);
const next = random(number + 1);
const each = words[EACH];
const total = each * words[PRODUCERS];

if (role === "producer") {
  for (let i = 0; i < each; i++) {
    // The promise that it is never full is the scheduler's: here we keep it.
    while (Atomics.add(words, OUTSTANDING, 1) >= arena.globalCapacity) Atomics.sub(words, OUTSTANDING, 1);
    const entry = number * each + i;
    queue.push(entry % 7 === 3 ? -entry : entry);
  }
} else {
  const last = new Map<number, number>();
  while (Atomics.load(words, CONSUMED) < total) {
    let batch = 0;
    const count = queue.pop(1 + next() % 40, (entry) => {
      const index = Math.abs(entry);
      const producer = Math.floor(index / each);
      // What one producer pushed arrives in its order at one consumer; a note ends a batch, or is one.
      if ((last.get(producer) ?? -1) >= index) Atomics.add(words, DISORDER, 1);
      if (entry < 0 && batch > 0) Atomics.add(words, DISORDER, 1);
      last.set(producer, index);
      Atomics.add(words, COUNTS + index, 1);
      batch++;
    });
    if (count !== batch) Atomics.add(words, DISORDER, 1);
    Atomics.sub(words, OUTSTANDING, count);
    Atomics.add(words, CONSUMED, count);
  }
}
