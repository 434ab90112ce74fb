import { assertEquals } from "@std/assert";
import { PrivateRunQueue } from "../../../scheduler/queues/private_run_queue.ts";
import { random } from "../../support/hammers/hammer.ts";

Deno.test("the private run queue gives the newest or the oldest, as an array would", () => {
  const seed = Date.now() | 0;
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (const bias of [50, 60, 90]) {
    const queue = new PrivateRunQueue<number>();
    const model: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      const dice = next() % 100;
      if (dice < bias) {
        queue.push(i);
        model.push(i);
      } else if (dice % 2 === 0) assertEquals(queue.popNewest(), model.pop());
      else assertEquals(queue.popOldest(), model.shift());
      assertEquals(queue.length, model.length);
    }
    while (model.length > 0) assertEquals(queue.popOldest(), model.shift());
    assertEquals(queue.popNewest(), undefined);
    assertEquals(queue.popOldest(), undefined);
  }
});

Deno.test("what is put back into the private run queue is the oldest", () => {
  for (const before of [0, 1, 3]) {
    const queue = new PrivateRunQueue<number>();
    const gs = Array.from({ length: 5 }, (_, n) => n);
    for (const g of gs) queue.push(g);
    for (let i = 0; i < before; i++) queue.popOldest();
    const taken = queue.popOldest()!;
    queue.putBack(taken);
    assertEquals(queue.length, 5 - before);
    assertEquals(queue.popOldest(), taken);
    while (queue.length > 0) queue.popNewest();
    queue.putBack(taken);
    assertEquals([queue.popNewest(), queue.popNewest()], [taken, undefined]);
  }
});
