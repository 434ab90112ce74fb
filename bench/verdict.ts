import { median, type Samples } from "./rounds.ts";
import type { Comparison, Measure } from "./row.ts";

/** A line of the table: one comparison of one row. */
export interface Verdict {
  readonly row: string;
  /** The side that `ours` is of, where the row's first one is not. */
  readonly side?: string;
  readonly ours: number;
  /** The other side, or "best: " and the best one by median. Absent for a target that is a plain number. */
  readonly against?: string;
  readonly theirs?: number;
  /** How many times better ours is. */
  readonly ratio?: number;
  readonly target?: string;
  readonly holds?: boolean;
  /** Why the other side could not be measured. */
  readonly missing?: string;
}

/**
 * How many times better ours is: the median of the rounds' own ratios, not the ratio of the medians. The two halves of a round
 * were measured next to each other, and a slow minute cancels out. In each round against the best of that round, which may be
 * another one each time: the strictest reading.
 */
export function ratioOf(
  better: Measure["better"],
  ours: readonly number[],
  theirs: readonly (readonly number[])[],
): number {
  return median(ours.map((value, round) => {
    return Math.min(...theirs.map((values) => timesBetter(better, value, values[round])));
  }));
}

function timesBetter(better: Measure["better"], a: number, b: number): number {
  return better === "lower" ? b / a : a / b;
}

export function judge(row: Measure, samples: Samples, missing: Map<string, string>): Verdict[] {
  const verdict = (comparison: Comparison): Verdict => {
    const side = comparison.ours;
    const our = samples.get(side ?? row.sides[0])!;
    const ours = median(our);
    if ("atMost" in comparison) {
      const { atMost } = comparison;
      return { row: row.name, side, ours, target: `at most ${atMost} ${row.unit}`, holds: ours <= atMost };
    }
    const { against, atLeast } = comparison;
    const target = atLeast === undefined ? undefined : `at least ${atLeast}x`;
    const reasons = against.flatMap((name) => missing.get(name) ?? []);
    if (reasons.length > 0) return { row: row.name, side, ours, target, missing: reasons.join("; ") };

    const theirs = against.map((name) => ({ name, value: median(samples.get(name)!) }));
    const best = theirs.reduce((best, each) =>
      timesBetter(row.better, best.value, each.value) >= 1 ? best : each
    );
    const ratio = ratioOf(row.better, our, against.map((name) => samples.get(name)!));
    const holds = atLeast === undefined ? undefined : ratio >= atLeast;
    const name = against.length > 1 ? `best: ${best.name}` : best.name;
    return { row: row.name, side, ours, against: name, theirs: best.value, ratio, target, holds };
  };
  if (row.comparisons.length === 0) return [{ row: row.name, ours: median(samples.get(row.sides[0])!) }]; // a library's only mode
  return row.comparisons.map(verdict);
}
