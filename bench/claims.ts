/**
 * What README.md claims: its table is written from claims.json, and that by `--claim` from what was measured. `--check`
 * measures the same again.
 */
import { median } from "./rounds.ts";
import { markdownTable, withWritten } from "./readme.ts";
import { digits, type Report, type ReportedRow } from "./report.ts";
import { ratioOf } from "./verdict.ts";

interface Shown {
  readonly row: string;
  /** In words of a reader who does not know the bench. */
  readonly says: string;
  readonly against: readonly string[];
}

/** In the order of the table. */
const SHOWN: readonly Shown[] = [
  {
    row: "thumbnails rate",
    says: "thumbnails of PNGs of 425 KB, 50 in flight",
    against: ["loop: 1", "piscina: 2"],
  },
  {
    row: "service p99",
    says: "p99 of 1 ms tasks beside 100 ms hogs and blocked calls",
    against: ["loop: 1", "piscina: 2"],
  },
  {
    row: "markdown ms",
    says: "500 pages of Markdown with highlighting",
    against: ["loop: 1", "piscina: 2"],
  },
  { row: "parse ms", says: "102 files of TypeScript, 3 times", against: ["loop: 1", "piscina: 2"] },
  { row: "start result", says: "process start to the first result", against: ["piscina: 2"] },
  {
    row: "round-trip",
    says: "a task from the host, to its result and back",
    against: ["piscina", "tinypool"],
  },
  { row: "batch", says: "50,000 of them at once", against: ["piscina", "tinypool"] },
  { row: "spawn", says: "a child task, from its start to its result", against: ["go", "tokio"] },
  { row: "ping-pong", says: "a number to a task on the same thread and back", against: ["go", "tokio"] },
  { row: "native-round-trip", says: "a call of a C function off the event loop", against: ["nonblocking"] },
];

export const claimedRows: readonly string[] = SHOWN.map(({ row }) => row);

interface Claim {
  readonly row: string;
  readonly says: string;
  readonly unit: string;
  readonly ours: number;
  readonly others: readonly { readonly side: string; readonly value: number; readonly ratio: number }[];
}

export interface Claims extends Pick<Report, "machine" | "date" | "commit" | "rounds"> {
  readonly claims: readonly Claim[];
}

function ratioTo({ samples, better }: ReportedRow, side: string): number {
  const [ours] = Object.keys(samples);
  return ratioOf(better, samples[ours], [samples[side]]);
}

function claim({ row, says, against }: Shown, rows: readonly ReportedRow[]): Claim {
  const found = rows.find(({ name }) => name === row);
  if (found === undefined) throw new Error(`${row} was not measured`);
  const [ours] = Object.keys(found.samples);
  const others = against.filter((side) => side in found.samples).map((side) => {
    return { side, value: median(found.samples[side]), ratio: ratioTo(found, side) };
  });
  return { row, says, unit: found.unit, ours: median(found.samples[ours]), others };
}

export function claimsOf({ machine, date, commit, rounds, rows }: Report, claimed = claimedRows): Claims {
  const shown = SHOWN.filter(({ row }) => claimed.includes(row));
  return { machine, date, commit, rounds, claims: shown.map((each) => claim(each, rows)) };
}

/** How much less than what is claimed a ratio may be in another run. */
const TOLERANCE = 0.25;

/** What a run does not hold of the claims, a line each. */
export function broken({ claims }: Claims, { rows }: Report): string[] {
  const lines: string[] = [];
  for (const { row, others } of claims) {
    const measured = rows.find(({ name }) => name === row);
    if (measured === undefined) lines.push(`${row} was not measured`);
    else {
      for (const { side, ratio } of others) {
        if (!(side in measured.samples)) continue;
        const now = ratioTo(measured, side);
        if (now < ratio * (1 - TOLERANCE)) {
          lines.push(
            `${row} against ${side}: ${digits.format(now)}x, and README.md says ${digits.format(ratio)}x`,
          );
        }
      }
    }
  }
  return lines;
}

const names: Record<string, string> = {
  loop: "a plain loop",
  nonblocking: "`nonblocking: true`",
  go: "Go",
};

function named(side: string): string {
  const [contender] = side.split(":");
  return names[contender] ?? contender;
}

/** The table of README.md, in Markdown as `deno fmt` leaves it. */
export function tableOf({ machine, date, commit, rounds, claims }: Claims): string {
  const lines = claims.map(({ says, unit, ours, others }) => {
    const beside = others.map(({ side, value, ratio }) => {
      return `${named(side)} ${digits.format(value)} (${digits.format(ratio)}×)`;
    });
    return [says, `${digits.format(ours)} ${unit}`, beside.join(", ")];
  });
  const table = markdownTable([
    ["measured", "Heddle", "beside it (how many times better Heddle is)"],
    ...lines,
  ]);
  const where = `Medians of ${rounds} rounds on ${machine}; ${date}, commit ${commit}.`;
  return `${table}\n\n${where}\n`;
}

/** The README with its table replaced. */
export function withTable(readme: string, claims: Claims): string {
  return withWritten(readme, "bench --claim", tableOf(claims));
}

export const claimsFile = new URL("./claims.json", import.meta.url);

export async function readClaims(): Promise<Claims> {
  return JSON.parse(await Deno.readTextFile(claimsFile));
}
