/** An owner pushes each entry once and pops some; thieves steal. Counts are from word 8. */
import { GlobalRunQueue } from "../../../scheduler/queues/global_run_queue.ts";
import { LocalRunQueue } from "../../../scheduler/queues/local_run_queue.ts";
import { arrive, random } from "./hammer.ts";

const DONE = 2;
const STOLEN = 3;
const ENTRIES = 4;
const COUNTS = 8;

const { arena, words, number, role } = arrive();
const global = new GlobalRunQueue(arena);
const local = new LocalRunQueue(arena, global);
const next = random(number + 1);
const seen = (entry: number) => Atomics.add(words, COUNTS + entry, 1);

if (role === "owner") {
  const entries = words[ENTRIES];
  for (let entry = 0; entry < entries; entry++) {
    const dice = next() % 16;
    if (dice < 4) local.pushNext(0, entry);
    else local.push(0, entry);
    if (dice % 3 === 0) {
      const popped = local.pop(0);
      if (popped >= 0) seen(popped);
    }
    // What spilled.
    if (dice === 15) global.pop(128, seen);
  }
  // The rest is for the thieves, so that they get something on any machine.
  while (!local.isEmpty(0));
  Atomics.store(words, DONE, 1);
} else {
  while (Atomics.load(words, DONE) === 0) {
    const stolen = local.steal(0, number, next() % 2 === 0);
    if (stolen < 0) continue;
    Atomics.add(words, STOLEN, 1);
    seen(stolen);
    for (let entry = local.pop(number); entry >= 0; entry = local.pop(number)) seen(entry);
  }
}
