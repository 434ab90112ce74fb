/**
 * The checker.
 *
 *   deno task model                            all scenarios
 *   deno task model NAME…                      those whose names contain that
 *   deno task model NAME --replay="12:1 40:2"  one schedule, step by step
 *   deno task model --mutants [FAULT…]         each seeded fault has to be found
 */
import { parseArgs } from "@std/cli/parse-args";
import { capacities } from "./capacities.ts";
import { explore, type Outcome, replay } from "./explore.ts";
import { Modules } from "./load.ts";
import { type Mutant, mutants } from "./mutants.ts";
import type { Scenario } from "./scenario.ts";
import { scenarioFiles, scenariosOf, wordNames } from "./suite.ts";
import { type Patch, Sources } from "./transform.ts";

const args = parseArgs(Deno.args, { string: ["replay", "bound"], boolean: ["mutants"] });
const wanted: string[] = args._.map(String);
const isWanted = (name: string) => wanted.length === 0 || wanted.some((part) => name.includes(part));
const failed = args.mutants ? runMutants() : runScenarios();
if (failed > 0) Deno.exit(1);

function open(patches: readonly Patch[]) {
  const sources = new Sources(scenarioFiles, [...capacities, ...patches]);
  const modules = new Modules(sources);
  return { sites: sources.sites, scenarios: scenariosOf(modules), names: wordNames(modules) };
}

function runScenarios(): number {
  const { sites, scenarios, names } = open([]);
  let failed = 0;
  for (const scenario of scenarios) {
    if (!isWanted(scenario.name)) continue;
    if (args.replay !== undefined) {
      const { message, journal } = replay(scenario, args.replay, sites, names);
      console.log([...journal, message].join("\n"));
      continue;
    }
    const bound = args.bound === undefined ? scenario.bound : Number(args.bound);
    const outcome = explore(scenario, sites, names, bound);
    console.log(`${scenario.name}: ${counts(outcome, bound)}`);
    if (outcome.failure === undefined) continue;
    failed++;
    report(scenario, outcome.failure);
  }
  return failed;
}

function counts({ runs, states, ms }: Outcome, bound: number): string {
  return `bound ${bound}, ${runs} runs, ${states} states, ${(ms / 1000).toFixed(1)} s`;
}

function report({ name }: Scenario, { message, seed, journal }: NonNullable<Outcome["failure"]>): void {
  console.log([...journal, `FAILED: ${message}`, `deno task model "${name}" --replay="${seed}"`].join("\n"));
}

function runMutants(): number {
  let failed = 0;
  for (const mutant of mutants) if (isWanted(mutant.fault) && !find(mutant)) failed++;
  console.log(`${mutants.length} faults, ${failed} not found`);
  return failed;
}

function find(mutant: Mutant): boolean {
  const { sites, scenarios, names } = open([mutant]);
  for (const part of mutant.scenarios) {
    const tried = scenarios.filter(({ name }) => name.includes(part));
    if (tried.length === 0) throw new Error(`${mutant.fault}: there is no scenario "${part}".`);
    for (const scenario of tried) {
      const outcome = explore(scenario, sites, names);
      if (outcome.failure === undefined) continue;
      const { message } = outcome.failure;
      console.log(
        `found: ${mutant.fault}\n  by ${scenario.name}, ${counts(outcome, scenario.bound)}: ${message}`,
      );
      return true;
    }
  }
  console.log(`NOT FOUND: ${mutant.fault}`);
  return false;
}
