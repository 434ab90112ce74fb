/**
 * `deno task bench`: Heddle against the worker pools of npm and against Go, in one run. See README.md.
 */
import { parseArgs } from "@std/cli/parse-args";
import { contenders } from "./contenders/all.ts";
import { clusterPrograms } from "./cluster/all.ts";
import { isRedisThere } from "../examples/cluster/redis.ts";
import { GET_REDIS } from "../examples/cluster/bullmq.ts";
import { machine } from "./machine.ts";
import { programs as realPrograms } from "./real/all.ts";
import type { Program } from "./real/program.ts";
import { takeReadings } from "./real/readings.ts";
import { requireFinite, type Samples, takeRounds } from "./rounds.ts";
import type { Measure, Row } from "./row.ts";
import { rows } from "./rows/all.ts";
import { savina } from "./rows/savina.ts";
import { Missing, type Side } from "./side.ts";
import { denoSide } from "./sides/deno.ts";
import { goSide } from "./sides/go.ts";
import { table } from "./table.ts";
import { judge, type Verdict } from "./verdict.ts";

const USAGE = "[real | cluster] [FILTER] --quick --rounds=N --json=FILE --only=ROW,… --modes=CONTENDER";

// `deno task` passes the `--` on that npm's runner takes for itself.
const options = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  string: ["only", "rounds", "json", "modes"],
  boolean: ["quick"],
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
};
const isSuite = Object.hasOwn(suites, words[0] ?? "");
const [filter, ...surplus] = isSuite ? words.slice(1) : words;
if (surplus.length > 0) throw new TypeError(`${surplus.join(" ")} is one filter too many: ${USAGE}`);
const only: string[] | undefined = options.only?.split(",");
const { programs, rows: suite } = isSuite ? suites[words[0]] : { programs: [], rows };
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

const sides = new Map<string, Side>();
const missing = new Map<string, string>();

/** The row's sides that can run, started when a row first needs them and kept for the later ones. */
async function startSides(row: Row): Promise<Map<string, Side>> {
  for (const name of row.sides) {
    if (sides.has(name) || missing.has(name)) continue;
    const [contender, mode] = name.split(": ");
    try {
      sides.set(name, contender === "go" ? await goSide(mode) : await denoSide(contender, mode));
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      missing.set(name, error.message);
    }
  }
  return new Map(row.sides.flatMap((name) => sides.has(name) ? [[name, sides.get(name)!]] : []));
}

requireChoice();
const results: { row: Measure; samples: Samples; verdicts: Verdict[] }[] = [];

function conclude(row: Measure, samples: Samples): void {
  requireFinite(row.name, samples);
  results.push({ row, samples, verdicts: judge(row, samples, missing) });
}

function announce({ name, sides }: { name: string; sides: readonly string[] }): void {
  console.error(`${name}: ${rounds} rounds of ${sides.join(", ")}`);
}

try {
  for (const program of options.modes === undefined ? chosen(programs) : []) {
    announce(program);
    const samples = await takeReadings(program, rounds, options.quick);
    for (const measure of program.measures) conclude(measure, samples.get(measure.reading)!);
  }
  for (const row of await chosenRows()) {
    announce(row);
    const running = await startSides(row);
    const measure = row.measure.replaceAll("#", String(row.size?.[options.quick ? "quick" : "full"]));
    conclude(
      { ...row, measure },
      await takeRounds(running, rounds, (side) => side.sample(row, options.quick)),
    );
  }
} finally {
  for (const side of sides.values()) await side.stop();
}

const where = await machine();
const who = [...sides.values()].map(({ label }) => label);
console.log(table(results));
console.log(where);
console.log(`${rounds} interleaved rounds; values are medians, ratios are medians of the rounds' ratios`);
if (options.quick) console.log("quick: small sizes, whose numbers say little");
if (who.length > 0) console.log(who.join("; "));

if (options.json !== undefined) {
  const report = {
    machine: where,
    sides: who,
    rounds,
    quick: options.quick,
    rows: results.map(({ row: { name, measure, unit, better }, samples, verdicts }) => {
      return { name, measure, unit, better, samples: Object.fromEntries(samples), verdicts };
    }),
  };
  await Deno.writeTextFile(options.json, JSON.stringify(report, null, 2) + "\n");
}
