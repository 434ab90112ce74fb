/**
 * `deno task bench`: Heddle against the worker pools of npm and against Go, in one run. See README.md.
 */
import { parseArgs } from "@std/cli/parse-args";
import { contenders } from "./contenders/all.ts";
import { machine } from "./machine.ts";
import { type Samples, takeRounds } from "./rounds.ts";
import type { Row } from "./row.ts";
import { rows } from "./rows/all.ts";
import { Missing, type Side } from "./side.ts";
import { denoSide } from "./sides/deno.ts";
import { goSide } from "./sides/go.ts";
import { table } from "./table.ts";
import { judge, type Verdict } from "./verdict.ts";

// `deno task` passes the `--` on that npm's runner takes for itself.
const options = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  string: ["only", "rounds", "json", "modes"],
  default: { rounds: "5" },
  unknown(argument: string) {
    throw new TypeError(`${argument} is unknown: --only=ROW,… --rounds=N --json=FILE --modes=CONTENDER`);
  },
});

const rounds = Number(options.rounds);
if (!(Number.isInteger(rounds) && rounds > 0)) {
  throw new RangeError(`--rounds=${options.rounds} is not a count`);
}

/** The row as a comparison of one contender's modes with each other, its first mode being "ours". */
function amongModes(row: Row, contender: string, modes: string[]): Row {
  const sides = modes.map((mode) => `${contender}: ${mode}`);
  return { ...row, sides, comparisons: sides.slice(1).map((side) => ({ against: [side] })) };
}

async function chosenRows(): Promise<Row[]> {
  const names = rows.map(({ name }) => name);
  const only: string[] = options.only?.split(",") ??
    rows.filter(({ onlyByName }) => !onlyByName).map(({ name }) => name);
  const stranger = only.find((name) => !names.includes(name));
  if (stranger !== undefined) throw new RangeError(`--only=${stranger} is none of ${names.join(", ")}`);
  const chosen = rows.filter(({ name }) => only.includes(name));
  if (options.modes === undefined) return chosen;

  const load = contenders[options.modes];
  if (!load) {
    throw new RangeError(`--modes=${options.modes} is none of ${Object.keys(contenders).join(", ")}`);
  }
  const modes = Object.keys((await load()).modes);
  return chosen.filter(({ sides }) => sides.includes(options.modes!))
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
      sides.set(name, contender === "go" ? await goSide() : await denoSide(contender, mode));
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      missing.set(name, error.message);
    }
  }
  return new Map(row.sides.flatMap((name) => sides.has(name) ? [[name, sides.get(name)!]] : []));
}

const results: { row: Row; samples: Samples; verdicts: Verdict[] }[] = [];
try {
  for (const row of await chosenRows()) {
    console.error(`${row.name}: ${rounds} rounds of ${row.sides.join(", ")}`);
    const samples = await takeRounds(row, await startSides(row), rounds);
    results.push({ row, samples, verdicts: judge(row, samples, missing) });
  }
} finally {
  for (const side of sides.values()) await side.stop();
}

const where = await machine();
const who = [...sides.values()].map(({ label }) => label);
console.log(table(results));
console.log(where);
console.log(`${rounds} interleaved rounds; values are medians, ratios are medians of the rounds' ratios`);
console.log(who.join("; "));

if (options.json !== undefined) {
  const report = {
    machine: where,
    sides: who,
    rounds,
    rows: results.map(({ row: { name, measure, unit, better }, samples, verdicts }) => {
      return { name, measure, unit, better, samples: Object.fromEntries(samples), verdicts };
    }),
  };
  await Deno.writeTextFile(options.json, JSON.stringify(report, null, 2) + "\n");
}
