import type { ReportedRow } from "./report.ts";
import { ratioOf } from "./verdict.ts";

/** How far two runs' ratios may be apart: as a share of the smaller one. */
export const AGREEMENT = 0.2;

/** Of which rows another run may say something else: half of the rounds does not say what the other half says of some side. */
export function unsteady(rows: readonly ReportedRow[]): string[] {
  return rows.filter((row) => {
    const [ours, ...others] = Object.values(row.samples);
    return others.some((theirs) => {
      const half = ours.length >> 1;
      const parts = [[0, half], [half, ours.length]].map(([from, to]) =>
        ratioOf(row.better, ours.slice(from, to), [theirs.slice(from, to)])
      );
      return Math.max(...parts) > Math.min(...parts) * (1 + AGREEMENT);
    });
  }).map(({ name }) => name);
}
