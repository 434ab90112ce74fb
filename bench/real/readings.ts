import { fileURLToPath } from "node:url";
import { type Samples, takeRounds } from "../rounds.ts";
import type { Outcome, Program, Readings, Setting } from "./program.ts";
import { watchThreads } from "./watch_threads.ts";

/** Milliseconds after which a run has hung. */
const LIMIT = 300_000;

const host = fileURLToPath(new URL("./host.ts", import.meta.url));

/** Interleaved rounds of the program by all its sides. By reading, then as those of rows. */
export async function takeReadings(
  program: Program,
  rounds: number,
  quick: boolean,
): Promise<Map<string, Samples>> {
  const setting: Setting = { directory: await Deno.makeTempDir({ prefix: "heddle-bench-" }), quick };
  try {
    await program.prepare?.(setting);
    const answers = new Map<string, string>();
    const taken = await takeRounds(
      new Map(program.sides.map((side) => [side, side])),
      rounds,
      async (side) => {
        if (program.sample) return await program.sample(side, quick);
        const { readings, answer } = await runOnce(program.name, side, setting);
        answers.set(answer, side);
        if (answers.size > 1) {
          const said = [...answers].map(([answer, side]) => `${side}: ${answer}`).join("; ");
          throw new Error(`${program.name} has more than one answer: ${said}`);
        }
        return readings;
      },
    );
    return byReading(program, taken);
  } finally {
    await Deno.remove(setting.directory, { recursive: true });
  }
}

function byReading({ measures }: Program, taken: Map<string, Readings[]>): Map<string, Samples> {
  return new Map(measures.map(({ reading, sides }) => {
    const samples: Samples = new Map(
      sides.map((side) => [side, taken.get(side)!.map((readings) => readings[reading])]),
    );
    return [reading, samples];
  }));
}

async function runOnce(name: string, side: string, { directory, quick }: Setting): Promise<Outcome> {
  const signal = AbortSignal.timeout(LIMIT);
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", host, name, ...side.split(": "), directory, String(quick)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal,
  }).spawn();
  const threads = watchThreads(process.pid);
  const { success, code, stdout } = await process.output();
  if (signal.aborted) throw new Error(`${name}: ${side} has not ended after ${LIMIT / 1000} s`);
  if (!success) throw new Error(`${name}: the process of ${side} ended with ${code}`);
  const { readings, answer }: Outcome = JSON.parse(new TextDecoder().decode(stdout));
  return { readings: { ...readings, threads: threads.peak() }, answer };
}
