/** A thread of the checker: explores what it is told, one thing at a time. */
import { Checker, find } from "./checker.ts";
import type { Outcome } from "./explore.ts";
import { mutants } from "./mutants.ts";

/** A scenario by its name and bound, or a mutant by its fault. */
export type Job = { scenario: string; bound: number | undefined } | { fault: string };

export interface Result {
  job: Job;
  /** The scenario that found the fault, or the one that was asked for; undefined: the fault was not found. */
  by?: string;
  bound?: number;
  outcome?: Outcome;
}

let checker: Checker | undefined;

function work(job: Job): Result {
  if ("fault" in job) {
    const found = find(mutants.find(({ fault }) => fault === job.fault)!);
    return { job, by: found?.scenario.name, bound: found?.scenario.bound, outcome: found?.outcome };
  }
  checker ??= new Checker();
  const scenario = checker.named(job.scenario);
  const bound = job.bound ?? scenario.bound;
  return { job, by: scenario.name, bound, outcome: checker.explore(scenario, bound) };
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage(result: Result): void;
};
scope.onmessage = ({ data }) => scope.postMessage(work(data));
