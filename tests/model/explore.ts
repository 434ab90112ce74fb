/**
 * All interleavings of a scenario with up to so many preemptions: depth first, each run from the beginning. A run is cut off
 * where the world is in a state that was seen with as many preemptions left.
 *
 * Others go first only before operations on words that several threads use, one of them for writing. Which these are the
 * search finds out: when a round has found more, another one follows. So in the last round no run has met any other.
 */
import type { Scenario, Setting } from "./scenario.ts";
import { thread } from "./promises.ts";
import { Failure, Race } from "./races.ts";
import type { Site } from "./transform.ts";
import {
  $sync,
  addHandler,
  addThread,
  allThreads,
  begin,
  candidates,
  end,
  follow,
  journal,
  type Rules,
  run,
  type Schedule,
  share,
  stateOfWorld,
  type Thread,
  unhandled,
} from "./world.ts";

const RULES: Rules = { timeouts: 0, timePasses: [], tick: 15_000 };

export interface Outcome {
  runs: number;
  states: number;
  steps: number;
  ms: number;
  failure?: { message: string; seed: string; journal: readonly string[] };
}

interface Branch {
  tick: number;
  options: number[];
  at: number;
  isPreemption: boolean;
}

/** By word: which threads have read it, and which have written it, as bits. */
class Uses {
  readonly reads = new Map<number, number>();
  readonly writes = new Map<number, number>();

  concerns(id: number, index: number, writes: boolean): boolean {
    const others = ~(1 << id);
    const written = (this.writes.get(index) ?? 0) & others;
    return written !== 0 || (writes && ((this.reads.get(index) ?? 0) & others) !== 0);
  }

  /** Whether that is new. */
  add(id: number, index: number, writes: boolean): boolean {
    const uses = writes ? this.writes : this.reads;
    const before = uses.get(index) ?? 0;
    if ((before & 1 << id) !== 0) return false;
    uses.set(index, before | 1 << id);
    return true;
  }
}

class Search implements Schedule {
  readonly #stack: Branch[] = [];
  readonly #seen = new Map<number, number>();
  readonly #bound: number;
  readonly #uses: Uses;
  #position = 0;
  #tick = 0;
  #preemptions = 0;
  steps = 0;
  hasLearnt = false;

  constructor(bound: number, uses: Uses) {
    this.#bound = bound;
    this.#uses = uses;
  }

  get states(): number {
    return this.#seen.size;
  }

  concerns({ id }: Thread, index: number, writes: boolean): boolean {
    this.#tick++;
    this.steps++;
    if (this.#uses.add(id, index, writes)) this.hasLearnt = true;
    return this.#uses.concerns(id, index, writes);
  }

  next(running: Thread | undefined): Thread | undefined {
    if (running === undefined) this.#tick++;
    const threads = allThreads();
    const branch = this.#stack[this.#position];
    if (branch !== undefined) {
      if (branch.tick !== this.#tick) return running ?? candidates()[0];
      this.#position++;
      if (branch.isPreemption && branch.at > 0) this.#preemptions++;
      return threads[branch.options[branch.at]];
    }
    if (this.#wasSeen(running)) return undefined;
    const able = candidates();
    let options = able.map(({ id }) => id);
    if (running !== undefined) {
      const others = this.#preemptions < this.#bound ? options.filter((id) => id !== running.id) : [];
      options = [running.id, ...others];
    }
    this.#branch(options, running !== undefined);
    return threads[options[0]];
  }

  choose(count: number): number {
    this.#tick++;
    const branch = this.#stack[this.#position];
    if (branch?.tick === this.#tick) {
      this.#position++;
      return branch.options[branch.at];
    }
    if (branch === undefined) this.#branch(Array.from({ length: count }, (_, i) => i), false);
    return 0;
  }

  #branch(options: number[], isPreemption: boolean): void {
    if (options.length === 1) return;
    this.#stack.push({ tick: this.#tick, options, at: 0, isPreemption });
    this.#position++;
  }

  #wasSeen(running: Thread | undefined): boolean {
    const [h1, h2] = stateOfWorld();
    const who = Math.imul((running?.id ?? -1) + 2, 0x61c88647);
    const key = ((h1 ^ who) >>> 0) * 2 ** 21 + ((h2 ^ who) >>> 11);
    const before = this.#seen.get(key);
    if (before !== undefined && before <= this.#preemptions) return true;
    this.#seen.set(key, this.#preemptions);
    return false;
  }

  /** To the next run. False: that was all. */
  back(): boolean {
    for (;;) {
      const branch = this.#stack.at(-1);
      if (branch === undefined) return false;
      if (++branch.at < branch.options.length) break;
      this.#stack.pop();
    }
    this.#position = this.#tick = this.#preemptions = 0;
    return true;
  }

  /** By which `replay` finds this run again. */
  get seed(): string {
    return this.#stack.filter(({ at }) => at > 0).map(({ tick, options, at }) => `${tick}:${options[at]}`)
      .join(" ");
  }
}

/** One after the other. */
const alone: Schedule = {
  concerns: () => false,
  next: () => candidates()[0],
  choose: () => 0,
};

class Replay implements Schedule {
  readonly #choices: Map<number, number>;
  #tick = 0;

  constructor(seed: string) {
    const pairs = seed.split(" ").filter(Boolean).map((pair) => pair.split(":").map(Number));
    this.#choices = new Map(pairs as [number, number][]);
  }

  concerns(): boolean {
    return this.#choices.has(++this.#tick);
  }

  next(running: Thread | undefined): Thread | undefined {
    if (running === undefined) this.#tick++;
    const chosen = this.#choices.get(this.#tick);
    return chosen === undefined ? running ?? candidates()[0] : allThreads()[chosen];
  }

  choose(): number {
    return this.#choices.get(++this.#tick) ?? 0;
  }
}

export interface Limits {
  bound?: number;
  /** Stop there, as found to hold. */
  runs?: number;
}

export function explore(
  scenario: Scenario,
  sites: readonly Site[],
  nameWords: (arena: object) => (index: number) => string,
  bound = scenario.bound,
): Outcome {
  const begun = performance.now();
  const outcome: Outcome = { runs: 0, states: 0, steps: 0, ms: 0 };
  const uses = new Uses();
  // The first two are quick, and find most of the words that matter.
  for (const preemptions of [0, 1, ...new Array(20).fill(bound)]) {
    const search = new Search(Math.min(preemptions, bound), uses);
    outcome.runs = 0;
    do {
      outcome.runs++;
      const message = once(scenario, search, sites, nameWords, false);
      if (message !== undefined) {
        const { seed } = search;
        outcome.failure = { seed, ...replay(scenario, seed, sites, nameWords) };
        if (outcome.failure.message !== message) {
          outcome.failure.message += ` (when it was found: ${message})`;
        }
        outcome.ms = performance.now() - begun;
        return outcome;
      }
    } while (search.back());
    outcome.states = search.states;
    outcome.steps = search.steps;
    if (preemptions === bound && !search.hasLearnt) break;
  }
  outcome.ms = performance.now() - begun;
  return outcome;
}

/** One schedule again, with what happened. */
export function replay(
  scenario: Scenario,
  seed: string,
  sites: readonly Site[],
  nameWords: (arena: object) => (index: number) => string,
): { message: string; journal: readonly string[] } {
  const message = once(scenario, new Replay(seed), sites, nameWords, true) ?? "it holds";
  return { message, journal: journal() };
}

/** What does not hold, if anything. */
function once(
  scenario: Scenario,
  schedule: Schedule,
  sites: readonly Site[],
  nameWords: (arena: object) => (index: number) => string,
  keepsLog: boolean,
): string | undefined {
  begin(schedule, { ...RULES, ...scenario.rules }, sites, keepsLog);
  let setting: Setting | undefined;
  try {
    setting = $sync(scenario.setUp()) as Setting;
    share(setting.arena.i32, nameWords(setting.arena), setting.always?.bind(setting));
    const { first = [] } = setting;
    const bodies = Object.entries(setting.threads);
    const add = ([name, body]: [string, () => unknown]) => addThread(name, () => thread(body));
    bodies.filter(([name]) => first.includes(name)).forEach(add);
    if (first.length > 0) {
      follow(alone);
      run();
      follow(schedule);
    }
    bodies.filter(([name]) => !first.includes(name)).forEach(add);
    for (const [of, body] of Object.entries(setting.handlers ?? {})) addHandler(of, () => thread(body));
    if (!run()) return undefined;
    for (const reason of unhandled.values()) throw reason;
    const stuck = allThreads().filter(({ hasEnded, name }) =>
      !hasEnded && !setting!.sleepers?.includes(name)
    );
    if (stuck.length > 0) throw new Failure("all stand still");
    end();
    $sync(setting.end());
    return undefined;
  } catch (error) {
    const name = setting === undefined ? String : nameWords(setting.arena);
    const states = allThreads().map((one) => `${one.name} ${one.where}`).join("; ");
    return `${describe(error, name)}. ${states}`;
  }
}

function describe(error: unknown, name: (index: number) => string): string {
  if (error instanceof Race) {
    const [one, other] = [error.thread, error.other].map((id) => allThreads()[id].name);
    return `${one} and ${other} access ${name(error.index)} at one time, one of them plainly`;
  }
  return error instanceof Failure
    ? error.message
    : error instanceof Error
    ? error.stack ?? String(error)
    : String(error);
}
