/** When tasks ran, by one clock of the whole machine. */
export interface Interval {
  readonly tid: number;
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly from: number;
  readonly to: number;
}

/** How many of them ran at the busiest instant. */
export function mostAtOnce(intervals: readonly Interval[]): number {
  const changes = intervals.flatMap(({ from, to }) => [[from, 1], [to, -1]]);
  // An end comes before a start of the same nanosecond.
  changes.sort(([a, up], [b, down]) => a - b || up - down);
  let now = 0;
  let most = 0;
  for (const [, change] of changes) most = Math.max(most, now += change);
  return most;
}
