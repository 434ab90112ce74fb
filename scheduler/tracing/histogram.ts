/**
 * Histograms with log-linear buckets, as in HdrHistogram (Tene) and Go's runtime/metrics: values below 8 have a bucket each, and
 * each power of 2 from there on has 8 of the same width. So a bucket is at most an eighth wider than its lowest value, and
 * finding it takes two shifts. Of buckets and sum, in doubles, there is one writer. A double counts to 2^53, so nothing wraps.
 */
import { BUCKETS, HISTOGRAM_DOUBLES } from "../arena/layout/meter.ts";

/** Buckets of a power of 2, as a power of 2. */
const BITS = 3;
/** Of values that are too large for the operations on 32 bits. */
const LARGE = 2 ** 31;
const LARGE_BITS = 16;

/** Of an integer that is not below 0. What is beyond the last bucket is in it. */
function bucketOf(value: number): number {
  let bits = 0;
  if (value >= LARGE) {
    value = Math.min(Math.floor(value / 2 ** LARGE_BITS), LARGE - 1);
    bits = LARGE_BITS;
  }
  if (value < 1 << BITS) return value;
  const power = 31 - Math.clz32(value) - BITS;
  return Math.min(((power + bits) << BITS) + (value >>> power), BUCKETS - 1);
}

/** The highest value in it. */
function highest(bucket: number): number {
  if (bucket < 1 << BITS) return bucket;
  const next = bucket + 1;
  return ((1 << BITS) + (next & 7)) * 2 ** ((next >> BITS) - 1) - 1;
}

/** It stands for `weight` such values. */
export function record(doubles: Float64Array, at: number, value: number, weight: number): void {
  // A clock that differs a little between threads would make it less than 0.
  value = value > 0 ? Math.floor(value) : 0;
  doubles[at + bucketOf(value)] += weight;
  doubles[at + BUCKETS] += value * weight;
}

/** What was recorded by all who did. */
export class Recorded {
  readonly #doubles = new Float64Array(HISTOGRAM_DOUBLES);

  add(doubles: Float64Array, at: number): void {
    for (let i = 0; i < HISTOGRAM_DOUBLES; i++) this.#doubles[i] += doubles[at + i];
  }

  /** In a unit of so many of the recorded ones. */
  read(unit: number): Histogram {
    const buckets: [number, number][] = [];
    for (let i = 0; i < BUCKETS; i++) {
      if (this.#doubles[i] !== 0) buckets.push([highest(i) / unit, this.#doubles[i]]);
    }
    return histogramOf(buckets, this.#doubles[BUCKETS] / unit);
  }
}

/** Of buckets from the lowest on, none of them empty. */
export function histogramOf(buckets: [highest: number, count: number][], sum: number): Histogram {
  const count = buckets.reduce((sum, [, more]) => sum + more, 0);
  const percentile = (part: number) => {
    let rest = part * count;
    return buckets.find(([, more]) => (rest -= more) <= 0)?.[0] ?? 0;
  };
  return {
    count,
    sum,
    p50: percentile(0.5),
    p90: percentile(0.9),
    p99: percentile(0.99),
    p999: percentile(0.999),
    max: buckets.at(-1)?.[0] ?? 0,
    buckets,
  };
}

/**
 * How often which values were seen. Each percentile is the highest value of the bucket that it falls into: at most an eighth above
 * the true one. All are 0 while `count` is.
 */
export interface Histogram {
  /** How many. Where only one in n is measured it counts as n. */
  count: number;
  /** Of all values, exact but for what was not measured. */
  sum: number;
  /** The median. */
  p50: number;
  /** 90 of 100 are at most this. */
  p90: number;
  /** 99 of 100. */
  p99: number;
  /** 999 of 1000. */
  p999: number;
  /** The largest. */
  max: number;
  /** Those that are not empty, ascending: each with its highest value, and how many are in it. */
  buckets: [highest: number, count: number][];
}
