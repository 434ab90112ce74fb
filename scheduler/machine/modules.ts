/** The modules that a thread imports for its tasks, and what it tells sysmon of them: see sysmon/gain.ts. */
import { add, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { IMPORTED } from "../arena/layout/header.ts";
import { M_AT_HAND, M_IMPORTS } from "../arena/layout/m.ts";
import { RunTimes } from "../slots/run_times.ts";

export class Modules {
  readonly #words: Int32Array;
  readonly #imports: number;
  readonly #atHand: number;
  readonly #times: RunTimes;
  readonly #cpuNs: () => number;
  #underWay = 0;
  #modules = 0;

  /** `cpuNs`: the CPU time of this thread. */
  constructor(arena: Arena, isolate: number, cpuNs: () => number) {
    this.#cpuNs = cpuNs;
    this.#words = arena.i32;
    this.#imports = arena.isolate(isolate) + M_IMPORTS;
    this.#atHand = arena.isolate(isolate) + M_AT_HAND;
    this.#times = new RunTimes(arena);
    // The last thread of that number may have ended anywhere.
    store(this.#words, this.#imports, 0);
    store(this.#words, this.#atHand, 0);
  }

  /** Its module has been imported here. */
  has(definition: number): void {
    this.#modules |= 1 << (definition & 31);
    store(this.#words, this.#atHand, this.#modules);
  }

  /** For that definition. */
  import(url: string, definition: number): Promise<unknown> {
    store(this.#words, this.#imports, ++this.#underWay);
    const begun = this.#cpuNs();
    const imported = import(url);
    const ended = () => store(this.#words, this.#imports, --this.#underWay);
    imported.then(() => {
      ended();
      add(this.#words, IMPORTED, 1);
      this.#times.importTook(definition, (this.#cpuNs() - begun) / 1000);
    }, ended);
    return imported;
  }
}
