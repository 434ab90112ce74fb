import { assert, assertEquals } from "@std/assert";
import { Fifo } from "../../../scheduler/queues/fifo.ts";
import { costOf, growthOf, MOST, shownGrowth } from "../../support/growth.ts";
import { random } from "../../support/hammers/hammer.ts";

Deno.test("what came first leaves first, through any mixture of pushes and shifts", () => {
  const seed = Date.now() | 0;
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 50; round++) {
    const fifo = new Fifo<number>();
    const expected: number[] = [];
    for (let i = 0; i < 5000; i++) {
      // At first it grows, and later it shrinks.
      if (next() % 10 < (i < 3000 ? 7 : 3)) {
        fifo.push(i);
        expected.push(i);
      } else {
        assertEquals(fifo.oldest, expected[0]);
        assertEquals(fifo.popOldest(), expected.shift());
      }
      assertEquals(fifo.length, expected.length);
    }
    if (round % 2 === 0) assertEquals(fifo.takeAll(), expected);
    else for (const each of expected) assertEquals(fifo.popOldest(), each);
    assertEquals([fifo.length, fifo.oldest, fifo.popOldest(), fifo.takeAll()], [0, undefined, undefined, []]);
  }
});

Deno.test("a long one takes no more for each than a short one", async () => {
  const growth = await growthOf((n) =>
    costOf(() => {
      const fifo = new Fifo<number>();
      for (let i = 0; i < n; i++) fifo.push(i);
      while (fifo.length > 0) fifo.popOldest();
    }), 200_000);
  assert(growth.factor < MOST, shownGrowth(growth));
});
