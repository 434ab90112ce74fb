/**
 * All interleavings of a scenario with up to so many preemptions: depth first, each run from the beginning. A run is cut off
 * where the world is in a state that was seen with as many preemptions left.
 *
 * Others go first only before operations on words that several threads use, one of them for writing. Which these are the
 * search finds out: when a round has found more, another one follows. So in the last round no run has met any other.
 */
import type { Scenario, Setting } from "./scenario.ts";
import { reuseBuffers, thread } from "./promises.ts";
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

/** Which threads have read a word, as bits, and which have written it, as bits from here on. */
const WRITTEN = 16;

/** Of what was done with a word, the part that concerns others than who did it. */
function shared(uses: number): number {
  let all = 0;
  for (let id = 0; id < WRITTEN; id++) {
    const own = 1 << id | 1 << id + WRITTEN;
    const byOthers = uses & ~own;
    if (byOthers >>> WRITTEN !== 0) all |= uses & own;
    else if (byOthers !== 0) all |= uses & 1 << id + WRITTEN;
  }
  return all;
}

class Uses {
  readonly #byWord = new Map<number, number>();
  /** What is written plainly to these words may be in flight. */
  readonly #glanced = new Set<number>();
  /** Something that was taken to concern nobody else would not be any more. */
  isOutdated = false;

  /** Whether that use of the word, which is noted, concerns others. */
  concerns(id: number, index: number, writes: boolean): boolean {
    const before = this.#byWord.get(index) ?? 0;
    const use = 1 << (writes ? id + WRITTEN : id);
    if ((before & use) === 0) {
      this.#byWord.set(index, before | use);
      if ((shared(before | use) & before) !== shared(before)) this.isOutdated = true;
    }
    const byOthers = before & ~(1 << id | 1 << id + WRITTEN);
    return (writes ? byOthers : byOthers >>> WRITTEN) !== 0;
  }

  glances(index: number): void {
    if (this.#glanced.has(index)) return;
    this.#glanced.add(index);
    this.isOutdated = true;
  }

  isGlanced(index: number): boolean {
    return this.#glanced.size > 0 && this.#glanced.has(index);
  }
}

/** Which states there were, and after how many preemptions. A Map would have an object on the heap for each. */
class Seen {
  /** By place: a state, in 64 bits. */
  #keys = new Int32Array(1 << 11);
  /** By place: preemptions, and one more. 0: nothing is there. */
  #spent = new Uint8Array(1 << 10);
  size = 0;

  /** Whether it was seen after as few preemptions. From now on it was. */
  has(h1: number, h2: number, preemptions: number): boolean {
    const at = this.#placeOf(h1, h2);
    const before = this.#spent[at];
    if (before !== 0 && before <= preemptions + 1) return true;
    this.#spent[at] = preemptions + 1;
    if (before !== 0) return false;
    this.#keys[2 * at] = h1;
    this.#keys[2 * at + 1] = h2;
    if (++this.size * 2 > this.#spent.length) this.#grow();
    return false;
  }

  #placeOf(h1: number, h2: number): number {
    const mask = this.#spent.length - 1;
    let at = h2 & mask;
    while (this.#spent[at] !== 0 && (this.#keys[2 * at] !== h1 || this.#keys[2 * at + 1] !== h2)) {
      at = at + 1 & mask;
    }
    return at;
  }

  #grow(): void {
    const [keys, spent] = [this.#keys, this.#spent];
    this.#keys = new Int32Array(keys.length * 2);
    this.#spent = new Uint8Array(spent.length * 2);
    for (let i = 0; i < spent.length; i++) {
      if (spent[i] === 0) continue;
      const at = this.#placeOf(keys[2 * i], keys[2 * i + 1]);
      this.#spent[at] = spent[i];
      this.#keys[2 * at] = keys[2 * i];
      this.#keys[2 * at + 1] = keys[2 * i + 1];
    }
  }
}

class Search implements Schedule {
  readonly #stack: Branch[] = [];
  readonly #seen = new Seen();
  readonly #bound: number;
  readonly #uses: Uses;
  #position = 0;
  #tick = 0;
  #preemptions = 0;
  steps = 0;

  constructor(bound: number, uses: Uses) {
    this.#bound = bound;
    this.#uses = uses;
    uses.isOutdated = false;
  }

  get states(): number {
    return this.#seen.size;
  }

  get isRepeating(): boolean {
    return this.#position < this.#stack.length;
  }

  concerns({ id }: Thread, index: number, writes: boolean): boolean {
    this.#tick++;
    this.steps++;
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

  /** An operation is one tick, and asks once for each thread. A replay asks more often, so this takes no ticks. */
  chooseSeen(by: Thread, count: number): number {
    const tick = this.#tick + fractionOf(by);
    const branch = this.#stack[this.#position];
    if (branch?.tick === tick) {
      this.#position++;
      if (branch.at > 0) this.#preemptions++;
      return branch.options[branch.at];
    }
    if (branch === undefined && this.#preemptions < this.#bound) {
      this.#branch(Array.from({ length: count }, (_, i) => i), false, tick);
    }
    return 0;
  }

  glances(index: number): void {
    this.#uses.glances(index);
  }

  isGlanced(index: number): boolean {
    return this.#uses.isGlanced(index);
  }

  #branch(options: number[], isPreemption: boolean, tick = this.#tick): void {
    if (options.length === 1) return;
    this.#stack.push({ tick, options, at: 0, isPreemption });
    this.#position++;
  }

  #wasSeen(running: Thread | undefined): boolean {
    const [h1, h2] = stateOfWorld();
    const who = Math.imul((running?.id ?? -1) + 2, 0x61c88647);
    return this.#seen.has(h1 ^ who, h2 ^ who, this.#preemptions);
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
  isRepeating: false,
  concerns: () => false,
  next: () => candidates()[0],
  choose: () => 0,
  chooseSeen: () => 0,
  glances() {},
  isGlanced: () => false,
};

class Replay implements Schedule {
  readonly isRepeating = false;
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

  chooseSeen(by: Thread): number {
    return this.#choices.get(this.#tick + fractionOf(by)) ?? 0;
  }

  glances(): void {}

  isGlanced(): boolean {
    return true;
  }
}

function fractionOf({ id }: Thread): number {
  return (id + 1) / WRITTEN;
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
  for (const first of [0, 1, ...new Array(20).fill(bound)]) {
    const preemptions = Math.min(first, bound);
    const search = new Search(preemptions, uses);
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
    if (preemptions === bound && !uses.isOutdated) break;
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
  reuseBuffers();
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
