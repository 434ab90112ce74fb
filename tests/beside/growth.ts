/** `deno task growth` in short, in a process of its own: a heap that others have filled makes what is linear seem to grow. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { begin } from "../support/meanwhile.ts";
import { costOf, growthOf, MOST, shownGrowth } from "../support/growth.ts";

/** From 16,384 elements on V8 moves all others at each `shift()`: 4 N are beyond that. */
const N = 5000;

const growth = begin("tests/growth/main.ts", `${N}`, "--short");

Deno.test("what is quadratic, and what shifts a long array, is found to be so", async () => {
  const pairs = (n: number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum ^= i + j;
    return sum;
  };
  const shifts = (n: number) => {
    const all = Array.from({ length: n }, (_, i) => i);
    while (all.length > 0) all.shift();
  };
  assertGreater((await growthOf((n) => costOf(() => pairs(n)), 3500)).factor, MOST);
  assertGreater((await growthOf((n) => costOf(() => shifts(n)), N)).factor, MOST);
});

Deno.test("what is linear, and what sorts, is not", async () => {
  const sorts = (n: number) => Array.from({ length: n }, (_, i) => i * 7919 % n).sort((a, b) => a - b);
  const adds = (n: number) => Array.from({ length: n }, (_, i) => i).reduce((sum, i) => sum + i, 0);
  for (const work of [sorts, adds]) {
    const growth = await growthOf((n) => costOf(() => work(n)), 200_000);
    assert(growth.factor < MOST, shownGrowth(growth));
  }
});

Deno.test("no operation grows more than n log n does", async () => {
  const { code, stdout, stderr } = await growth;
  assertEquals([code, stderr], [0, ""], stdout);
});
