/** What the host does for a thread that died, about what it shared with others. */
import { dropCell } from "./cell.ts";
import type { Isolate } from "./isolate.ts";
import { O_FIRST_QUEUE, O_KIND, O_SECOND_QUEUE, W_CELL, W_ISOLATE, W_NEXT } from "./memory_layout.ts";
import { CHANNEL } from "./handles.ts";
import { unlink } from "./wait_queue.ts";

/** Its parked operations leave their queues, and locks that it held are poisoned: who waits for them, or will, hears of it. */
export function buryWaiters(host: Isolate, dead: number): void {
  const { words } = host;
  // Freed at the end: a case of a select may still be found by others, who then look at another record of that select.
  const found: number[] = [];
  host.handles.bury(dead, (object) => {
    const queues = words[object + O_KIND] === CHANNEL ? [O_FIRST_QUEUE, O_SECOND_QUEUE] : [O_FIRST_QUEUE];
    for (const queue of queues) {
      for (let record = words[object + queue]; record !== 0;) {
        const next = words[record + W_NEXT];
        if (words[record + W_ISOLATE] === dead) {
          unlink(words, object, record);
          found.push(record);
        }
        record = next;
      }
    }
  });
  for (const record of found) {
    dropCell(host, host.arena, record + W_CELL);
    host.heap.free(record * 4, 0);
  }
}
