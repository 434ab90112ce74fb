/** The scenarios over one version of the sources: the real one, or one with a fault. */
import { capacities } from "./capacities.ts";
import { explore, type Outcome, replay } from "./explore.ts";
import { Modules } from "./load.ts";
import type { Mutant } from "./mutants.ts";
import type { Scenario } from "./scenario.ts";
import { scenarioFiles, scenariosOf, wordNames } from "./suite.ts";
import { type Patch, Sources } from "./transform.ts";

export class Checker {
  readonly scenarios: readonly Scenario[];
  readonly #sources: Sources;
  readonly #names: (arena: object) => (index: number) => string;

  constructor(
    patches: readonly Patch[] = [],
    sources: Sources = new Sources(scenarioFiles, [...capacities, ...patches]),
  ) {
    this.#sources = sources;
    const modules = new Modules(this.#sources);
    this.scenarios = scenariosOf(modules);
    this.#names = wordNames(modules);
  }

  /** The same sources, loaded once more. */
  anew(): Checker {
    return new Checker([], this.#sources);
  }

  /** Throws if there is none, or several. */
  named(name: string): Scenario {
    const [first, ...others] = this.scenarios.filter((one) => one.name === name);
    if (first === undefined || others.length > 0) {
      throw new Error(`${1 + others.length} scenarios are named ${name}.`);
    }
    return first;
  }

  explore(scenario: Scenario, bound = scenario.bound): Outcome {
    return explore(scenario, this.#sources.sites, this.#names, bound);
  }

  replay(scenario: Scenario, seed: string): { message: string; journal: readonly string[] } {
    return replay(scenario, seed, this.#sources.sites, this.#names);
  }
}

/** Which of its scenarios finds the fault, and how; undefined if none does. */
export function find(
  mutant: Mutant,
  checker: Checker = new Checker([mutant]),
): { scenario: Scenario; outcome: Outcome } | undefined {
  for (const part of mutant.scenarios) {
    const tried = checker.scenarios.filter(({ name }) => name.includes(part));
    if (tried.length === 0) throw new Error(`${mutant.fault}: there is no scenario "${part}".`);
    for (const scenario of tried) {
      const outcome = checker.explore(scenario, mutant.bound);
      if (outcome.failure === undefined) continue;
      const { message } = outcome.failure;
      if (message.startsWith("ReferenceError")) throw new Error(`${mutant.fault}: ${message}`);
      return { scenario, outcome };
    }
  }
}
