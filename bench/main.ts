/**
 * `deno task bench`: Heddle against the worker pools of npm and against Go, in one run. See README.md.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "@std/cli/parse-args";
import { broken, claimedRows, type Claims, claimsFile, claimsOf, readClaims, withTable } from "./claims.ts";
import { clusterPrograms } from "./cluster/all.ts";
import { contenders } from "./contenders/all.ts";
import { GET_REDIS } from "../examples/cluster/bullmq.ts";
import { isRedisThere } from "../examples/cluster/redis.ts";
import { machine } from "./machine.ts";
import { measure, type Plan } from "./measure.ts";
import { page } from "./page.ts";
import { loads, programs as realPrograms } from "./real/all.ts";
import type { Program } from "./real/program.ts";
import { commit, type Report, reported } from "./report.ts";
import type { Row } from "./row.ts";
import { rows } from "./rows/all.ts";
import { curves } from "./rows/curves.ts";
import { savina } from "./rows/savina.ts";
import { table } from "./table.ts";

const USAGE =
  "[real | cluster | curves] [FILTER] --quick --rounds=N --only=ROW,… --modes=CONTENDER --json=FILE --html=FILE --from=FILE --claim --check";

// `deno task` passes the `--` on that npm's runner takes for itself.
const options = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  string: ["only", "rounds", "json", "html", "from", "modes"],
  boolean: ["quick", "claim", "check"],
  unknown(argument: string) {
    if (argument.startsWith("-")) throw new TypeError(`${argument} is unknown: ${USAGE}`);
  },
});

const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
if (!(Number.isInteger(rounds) && rounds > 0)) {
  throw new RangeError(`--rounds=${options.rounds} is not a count`);
}

const words = options._.map(String);
const suites: Record<string, { programs: Program[]; rows: Row[] }> = {
  real: { programs: realPrograms, rows: savina },
  cluster: { programs: clusterPrograms, rows: [] },
  curves: { programs: loads, rows: curves },
};
/** Of both suites, what README.md shows. */
const claimed = {
  programs: realPrograms.filter(({ measures }) => measures.some(({ name }) => claimedRows.includes(name))),
  rows: rows.filter(({ name }) => claimedRows.includes(name)),
};
const isOfClaims = options.claim || options.check;
const isSuite = !isOfClaims && Object.hasOwn(suites, words[0] ?? "");
const [filter, ...surplus] = isSuite ? words.slice(1) : words;
if (surplus.length > 0) throw new TypeError(`${surplus.join(" ")} is one filter too many: ${USAGE}`);
const only: string[] | undefined = options.only?.split(",");
const { programs, rows: suite } = isOfClaims ? claimed : isSuite ? suites[words[0]] : { programs: [], rows };
if (options.claim && (filter ?? only) !== undefined) {
  throw new TypeError("--claim writes the whole table: give it no rows. --check takes some.");
}
if (words[0] === "cluster" && !await isRedisThere()) {
  console.error(`The cluster's rows need Redis.\n${GET_REDIS}`);
  Deno.exit(1);
}

/** The row as a comparison of one contender's modes with each other, its first mode being "ours". */
function amongModes(row: Row, contender: string, modes: string[]): Row {
  const sides = modes.map((mode) => `${contender}: ${mode}`);
  return { ...row, sides, comparisons: sides.slice(1).map((side) => ({ against: [side] })) };
}

/** By `--only`'s names, by the filter, or all but those that only a name brings. */
function chosen<T extends { readonly name: string; readonly onlyByName?: boolean }>(all: readonly T[]): T[] {
  if (only !== undefined) return all.filter(({ name }) => only.includes(name));
  return all.filter(({ name, onlyByName }) => filter === undefined ? !onlyByName : name.includes(filter));
}

function requireChoice(): void {
  const names = [...programs, ...suite].map(({ name }) => name);
  const stranger = only?.find((name) => !names.includes(name));
  if (stranger !== undefined) throw new RangeError(`--only=${stranger} is none of ${names.join(", ")}`);
  if (filter !== undefined && !names.some((name) => name.includes(filter))) {
    throw new RangeError(`${filter} is in none of ${names.join(", ")}`);
  }
}

async function chosenRows(): Promise<Row[]> {
  if (options.modes === undefined) return chosen(suite);
  const load = contenders[options.modes];
  if (!load) {
    throw new RangeError(`--modes=${options.modes} is none of ${Object.keys(contenders).join(", ")}`);
  }
  const modes = Object.keys((await load()).modes);
  return chosen(suite).filter(({ sides }) => sides.includes(options.modes!))
    .map((row) => amongModes(row, options.modes!, modes));
}

/** What the command line chose. */
async function plan(): Promise<Plan> {
  return {
    rounds,
    quick: options.quick,
    programs: options.modes === undefined ? chosen(programs) : [],
    rows: await chosenRows(),
  };
}

/** What is claimed of that. */
function chosenClaims({ claims, ...where }: Claims): Claims {
  const names = chosen(programs).flatMap(({ measures }) => measures.map(({ name }) => name))
    .concat(chosen(suite).map(({ name }) => name));
  return { ...where, claims: claims.filter(({ row }) => names.includes(row)) };
}

/** Prints the table as well. */
async function run(): Promise<Report> {
  const [results, sides] = await measure(await plan());
  const report = {
    machine: await machine(),
    date: new Date().toISOString().slice(0, 10),
    commit: await commit(),
    sides,
    rounds,
    quick: options.quick,
    rows: results.map(reported),
  };
  console.log(table(results));
  console.log(report.machine);
  console.log(`${rounds} interleaved rounds; values are medians, ratios are medians of the rounds' ratios`);
  if (options.quick) console.log("quick: small sizes, whose numbers say little");
  if (sides.length > 0) console.log(sides.join("; "));
  return report;
}

requireChoice();
const report: Report = options.from === undefined
  ? await run()
  : JSON.parse(await Deno.readTextFile(options.from));
if (options.json !== undefined) {
  await Deno.writeTextFile(options.json, JSON.stringify(report, null, 2) + "\n");
}
if (options.html !== undefined) await Deno.writeTextFile(options.html, page(report));
if (options.claim) {
  const claims = claimsOf(report);
  const readme = new URL("../README.md", import.meta.url);
  await Deno.writeTextFile(claimsFile, JSON.stringify(claims, null, 2) + "\n");
  await Deno.writeTextFile(readme, withTable(await Deno.readTextFile(readme), claims));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", fileURLToPath(readme)] }).spawn().status;
}
if (options.check) {
  const claims = chosenClaims(await readClaims());
  const lines = broken(claims, report);
  for (const line of lines) console.error(line);
  if (lines.length > 0) Deno.exit(1);
  console.log(
    `What README.md claims of these rows holds: ${claims.claims.map(({ row }) => row).join(", ")}.`,
  );
}
