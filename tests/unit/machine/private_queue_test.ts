import { assertEquals } from "@std/assert";
import type { G } from "../../../scheduler/machine/g.ts";
import { PrivateQueue } from "../../../scheduler/machine/private_queue.ts";
import { random } from "../../support/hammers/hammer.ts";

/** The queue does not look into what it holds. */
function g(n: number): G {
  return n as unknown as G;
}

Deno.test("the private queue gives the newest or the oldest, as an array would", () => {
  const seed = Date.now() | 0;
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (const bias of [50, 60, 90]) {
    const queue = new PrivateQueue();
    const model: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      const dice = next() % 100;
      if (dice < bias) {
        queue.push(g(i));
        model.push(i);
      } else if (dice % 2 === 0) assertEquals(queue.popNewest() as unknown, model.pop());
      else assertEquals(queue.popOldest() as unknown, model.shift());
      assertEquals(queue.length, model.length);
    }
    while (model.length > 0) assertEquals(queue.popOldest() as unknown, model.shift());
    assertEquals(queue.popNewest(), undefined);
    assertEquals(queue.popOldest(), undefined);
  }
});

Deno.test("what is put back into the private queue is the oldest", () => {
  for (const before of [0, 1, 3]) {
    const queue = new PrivateQueue();
    const gs = Array.from({ length: 5 }, (_, id) => ({ id }) as G);
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
