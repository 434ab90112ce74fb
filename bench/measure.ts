import { takeReadings } from "./real/readings.ts";
import type { Program } from "./real/program.ts";
import type { Result } from "./report.ts";
import { requireFinite, type Samples, takeRounds } from "./rounds.ts";
import type { Measure, Row } from "./row.ts";
import { Missing, type Side } from "./side.ts";
import { denoSide } from "./sides/deno.ts";
import { goSide } from "./sides/go.ts";
import { nodeSide } from "./sides/node.ts";
import { rustSide } from "./sides/rust.ts";
import { judge } from "./verdict.ts";

function startSide(contender: string, mode?: string): Promise<Side> {
  if (contender === "go") return goSide(mode);
  if (contender === "tokio" || contender === "rayon") return rustSide(contender, mode);
  if (mode === "node") return nodeSide(contender);
  return denoSide(contender, mode);
}

/** The sides of all rows, each started when a row first needs it and kept for the later ones. */
class Sides {
  readonly #running = new Map<string, Side>();
  /** Why one cannot run. */
  readonly missing = new Map<string, string>();

  async of(row: Row): Promise<Map<string, Side>> {
    for (const name of row.sides) {
      if (this.#running.has(name) || this.missing.has(name)) continue;
      const [contender, mode] = name.split(": ");
      try {
        this.#running.set(name, await startSide(contender, mode));
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        this.missing.set(name, error.message);
      }
    }
    const running = this.#running;
    return new Map(row.sides.flatMap((name) => running.has(name) ? [[name, running.get(name)!]] : []));
  }

  get labels(): string[] {
    return [...this.#running.values()].map(({ label }) => label);
  }

  async stop(): Promise<void> {
    for (const side of this.#running.values()) await side.stop();
  }
}

export interface Plan {
  readonly programs: readonly Program[];
  readonly rows: readonly Row[];
  readonly rounds: number;
  readonly quick: boolean;
}

/** All that the plan asks for, and the sides that took part. Says on stderr what it is at. */
export async function measure({ programs, rows, rounds, quick }: Plan): Promise<[Result[], string[]]> {
  const sides = new Sides();
  const results: Result[] = [];
  const count = programs.length + rows.length;
  let begun = 0;

  const announce = ({ name, sides }: { name: string; sides: readonly string[] }) => {
    begun++;
    console.error(`${begun} of ${count}: ${name}, ${rounds} rounds of ${sides.join(", ")}`);
  };
  const conclude = (row: Measure, samples: Samples) => {
    requireFinite(row.name, samples);
    results.push({ row, samples, verdicts: judge(row, samples, sides.missing) });
  };

  try {
    for (const program of programs) {
      announce(program);
      const samples = await takeReadings(program, rounds, quick);
      for (const each of program.measures) conclude(each, samples.get(each.reading)!);
    }
    for (const row of rows) {
      announce(row);
      const running = await sides.of(row);
      const [ours] = row.sides;
      if (!running.has(ours)) {
        console.error(`${row.name} is left out: ${sides.missing.get(ours)}`);
        continue;
      }
      const words = row.measure.replaceAll("#", String(row.size?.[quick ? "quick" : "full"]));
      const samples = await takeRounds(running, rounds, (side) => side.sample(row, quick));
      conclude({ ...row, measure: words }, samples);
    }
  } finally {
    await sides.stop();
  }
  return [results, sides.labels];
}
