/** What the suite did on each version of Deno: results.json, which README.md shows as a table. */
import { markdownTable } from "../../bench/readme.ts";
import { byVersion } from "../support/npm_deno.ts";

export interface Result {
  readonly v8: string;
  readonly date: string;
  readonly tests: number;
  /** Names of tests. */
  readonly failed: readonly string[];
  /** Those that are left out on this version or this machine. */
  readonly skipped: number;
}

/** By version. */
export type Results = Readonly<Record<string, Result>>;

export const resultsFile = new URL("./results.json", import.meta.url);

export async function readResults(): Promise<Results> {
  return JSON.parse(await Deno.readTextFile(resultsFile));
}

/** The newest first. */
export function tableOf(results: Results): string {
  const lines = Object.keys(results).sort(byVersion).map((version) => {
    const { v8, date, tests, failed, skipped } = results[version];
    return [version, v8, `${tests - failed.length - skipped}`, `${failed.length}`, `${skipped}`, date];
  });
  return `${markdownTable([["Deno", "V8", "passed", "failed", "skipped", "on"], ...lines])}\n`;
}

/** Of a report in the form of JUnit, as `deno test --junit-path` writes it. */
export function resultOf(report: string): Pick<Result, "tests" | "failed" | "skipped"> {
  const cases = report.match(/<testcase .*?(?:\/>|<\/testcase>)/gs) ?? [];
  const failed = cases.filter((each) => /<(failure|error)\b/.test(each));
  return {
    tests: cases.length,
    failed: failed.map((each) => textOf(/ name="(.*?)"/s.exec(each)![1])),
    skipped: cases.filter((each) => each.includes("<skipped")).length,
  };
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", "#39": "'" };

function textOf(xml: string): string {
  return xml.replace(/&(#?\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}
