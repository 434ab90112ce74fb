import { median, type Samples } from "./rounds.ts";
import type { Measure } from "./row.ts";
import type { Verdict } from "./verdict.ts";

/** As numbers are shown. */
export const digits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

/** What one measure came to. */
export interface Result {
  readonly row: Measure;
  readonly samples: Samples;
  readonly verdicts: readonly Verdict[];
}

/** A run of the bench, as `--json` writes it. */
export interface Report {
  readonly machine: string;
  readonly date: string;
  /** Of this checkout, with a + if it has changes that are in no commit; empty without git. */
  readonly commit: string;
  /** With versions and modes. */
  readonly sides: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly rows: readonly ReportedRow[];
}

export interface ReportedRow extends Pick<Measure, "name" | "measure" | "unit" | "better" | "point"> {
  /** By side, round by round. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
  readonly verdicts: readonly Verdict[];
}

export function reported(
  { row: { name, measure, unit, better, point }, samples, verdicts }: Result,
): ReportedRow {
  return {
    name,
    measure,
    unit,
    better,
    ...(point && { point }),
    samples: Object.fromEntries(samples),
    verdicts,
  };
}

export interface Summary {
  readonly side: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** The sides of a row by their medians, the best one first. */
export function summaries({ samples, better }: ReportedRow): Summary[] {
  const all = Object.entries(samples).map(([side, values]) => {
    return { side, median: median(values), least: Math.min(...values), most: Math.max(...values) };
  });
  return all.sort((a, b) => better === "lower" ? a.median - b.median : b.median - a.median);
}

/** Half of the distance between the least and the most, as a share of the median. */
export function spread({ median, least, most }: Summary): number {
  return median === 0 ? 0 : (most - least) / 2 / median;
}

export async function commit(): Promise<string> {
  const git = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("git", {
      args,
      cwd: import.meta.dirname,
      stderr: "null",
    })
      .output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  };
  try {
    const short = await git("rev-parse", "--short", "HEAD");
    return short + (await git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
