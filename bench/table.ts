import Table from "cli-table3";
import { digits } from "./report.ts";
import type { Measure } from "./row.ts";
import type { Verdict } from "./verdict.ts";

/** The verdicts of each row under one another; a row's own words stand in its first line only. */
export function table(results: readonly { row: Measure; verdicts: readonly Verdict[] }[]): string {
  const printed = new Table({
    head: ["measure", "unit", "ours", "theirs", "ratio", "target", "holds"],
    colAligns: ["left", "left", "right", "right", "right", "left", "left"],
    wordWrap: true,
    colWidths: [34],
    style: { head: [], border: [], compact: true },
  });
  for (const { row, verdicts } of results) {
    verdicts.forEach((verdict, line) => {
      const { side, ours, against, theirs, ratio, target = "", holds, missing } = verdict;
      printed.push([
        line === 0 ? row.measure : "",
        line === 0 ? row.unit : "",
        side !== undefined ? `${side} ${digits.format(ours)}` : line === 0 ? digits.format(ours) : "",
        missing ?? (theirs === undefined ? "" : `${against} ${digits.format(theirs)}`),
        ratio === undefined ? "" : `${digits.format(ratio)}x`,
        target,
        holds === undefined ? "" : holds ? "yes" : "NO",
      ]);
    });
  }
  return printed.toString();
}
