import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import { BUCKETS, HISTOGRAM_DOUBLES } from "../../../scheduler/arena/layout/meter.ts";
import { type Histogram, record, Recorded } from "../../../scheduler/tracing/histogram.ts";

function histogramOf(...values: (readonly [value: number, weight: number])[]): Histogram {
  const doubles = new Float64Array(HISTOGRAM_DOUBLES);
  for (const [value, weight] of values) record(doubles, 0, value, weight);
  const recorded = new Recorded();
  recorded.add(doubles, 0);
  return recorded.read(1);
}

Deno.test("a value is in a bucket whose highest value is at most an eighth above it, up to hours in nanoseconds", () => {
  for (let power = 0; power < 44; power++) {
    for (const part of [1, 1.01, 1.3, 1.5, 1.77, 1.99]) {
      const value = Math.floor(2 ** power * part);
      const [[highest, count]] = histogramOf([value, 1]).buckets;
      assertEquals(count, 1);
      assert(highest >= value, `${value} in a bucket up to ${highest}`);
      assertLessOrEqual(highest, value * 9 / 8);
    }
  }
});

Deno.test("buckets follow each other without a hole: the value after a highest one is in the next", () => {
  let value = 0;
  for (let bucket = 0; bucket < BUCKETS - 1; bucket++) {
    const [[highest]] = histogramOf([value, 1]).buckets;
    assertEquals(histogramOf([value, 1], [highest, 1]).buckets.length, 1);
    value = highest + 1;
    assertEquals(histogramOf([highest, 1], [value, 1]).buckets.length, 2);
  }
});

Deno.test("what is beyond the last bucket is in it, and what is below 0 in the first", () => {
  const { buckets } = histogramOf([2 ** 60, 1], [2 ** 50, 2], [-5, 3]);
  assertEquals(buckets, [[0, 3], [2 ** 44 - 1, 3]]);
});

Deno.test("percentiles, sum and count are those of the values, each as often as its weight says", () => {
  const all = histogramOf(...Array.from({ length: 1000 }, (_, n) => [1000 * (n + 1), 16] as const));
  assertEquals(all.count, 16_000);
  assertEquals(all.sum, 16 * 1000 * 1000 * 1001 / 2);
  for (
    const [name, part] of [["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["p999", 0.999], ["max", 1]] as const
  ) {
    assertAlmostEquals(all[name], part * 1e6, part * 1e6 / 8, name);
    assert(all[name] >= part * 1e6, name);
  }
});

Deno.test("of nothing all is 0", () => {
  assertEquals(histogramOf(), { count: 0, sum: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0, buckets: [] });
});
