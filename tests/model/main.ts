/**
 * The checker.
 *
 *   deno task model                            all scenarios
 *   deno task model NAME…                      those whose names contain that
 *   deno task model NAME --bound=N             with another bound on preemptions
 *   deno task model NAME --replay="12:1 40:2"  one schedule, step by step
 *   deno task model --mutants [FAULT…]         each seeded fault has to be found
 */
import { parseArgs } from "@std/cli/parse-args";
import { Checker } from "./checker.ts";
import { mutants } from "./mutants.ts";
import type { Job, Result } from "./work.ts";

// `deno task` passes the `--` on that npm's runner takes for itself.
const args = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  string: ["replay", "bound"],
  boolean: ["mutants"],
});
const wanted: string[] = args._.map(String);
const isWanted = (name: string) => wanted.length === 0 || wanted.some((part) => name.includes(part));

if (args.replay !== undefined) {
  const checker = new Checker();
  for (const scenario of checker.scenarios.filter(({ name }) => isWanted(name))) {
    const { message, journal } = checker.replay(scenario, args.replay);
    console.log([...journal, message].join("\n"));
  }
} else {
  const begun = performance.now();
  const { jobs, report } = args.mutants ? faults() : scenarios();
  if (jobs.length === 0) {
    console.error(`No ${args.mutants ? "fault" : "scenario"} has ${wanted.join(" or ")} in its name.`);
    Deno.exit(2);
  }
  let failed = 0;
  await inThreads(jobs, (result) => {
    if (!report(result)) failed++;
  });
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`${jobs.length} ${args.mutants ? "faults" : "scenarios"}, ${failed} failed, ${seconds} s`);
  if (failed > 0) Deno.exit(1);
}

interface Work {
  jobs: Job[];
  /** Whether it is as it should be. */
  report(result: Result): boolean;
}

function scenarios(): Work {
  const bound = args.bound === undefined ? undefined : Number(args.bound);
  return {
    jobs: new Checker().scenarios.filter(({ name }) => isWanted(name)).map(({ name }) => ({
      scenario: name,
      bound,
    })),
    report(result) {
      console.log(`${result.by}: ${counts(result)}`);
      const { failure } = result.outcome!;
      if (failure === undefined) return true;
      const again = `deno task model "${result.by}" --replay="${failure.seed}"`;
      console.log([...failure.journal, `FAILED: ${failure.message}`, again].join("\n"));
      return false;
    },
  };
}

function faults(): Work {
  return {
    jobs: mutants.filter(({ fault }) => isWanted(fault)).map(({ fault }) => ({ fault })),
    report(result) {
      const { fault } = result.job as { fault: string };
      if (result.outcome === undefined) {
        console.log(`NOT FOUND: ${fault}`);
        return false;
      }
      const { message } = result.outcome.failure!;
      console.log(`found: ${fault}\n  by ${result.by}: ${counts(result)}: ${message.split("\n")[0]}`);
      return true;
    },
  };
}

function counts({ bound, outcome }: Result): string {
  const { runs, states, ms } = outcome!;
  return `bound ${bound}, ${runs} runs, ${states} states, ${(ms / 1000).toFixed(1)} s`;
}

/** As many threads as there are CPUs, each with one job at a time. */
async function inThreads(jobs: readonly Job[], done: (result: Result) => void): Promise<void> {
  let next = 0;
  const count = Math.min(jobs.length, navigator.hardwareConcurrency);
  await Promise.all(Array.from({ length: count }, () => {
    const worker = new Worker(new URL("./work.ts", import.meta.url), { type: "module" });
    return new Promise<void>((resolve, reject) => {
      const go = () => {
        if (next < jobs.length) return worker.postMessage(jobs[next++]);
        worker.terminate();
        resolve();
      };
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }: MessageEvent<Result>) => {
        done(data);
        go();
      };
      go();
    });
  }));
}
