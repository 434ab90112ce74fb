/** The modules that a thread imports for its tasks, what they define, and what it tells sysmon of them: see sysmon/gain.ts. */
import { add, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { IMPORTED } from "../arena/layout/header.ts";
import { M_AT_HAND, M_IMPORTS } from "../arena/layout/m.ts";
import { RunTimes } from "../slots/run_times.ts";
import type { TaskTable } from "../slots/task_table.ts";
import type { Definition } from "../tasks/call.ts";
import { registry, splitKey } from "../tasks/define.ts";
import { notRegistered } from "../tasks/errors.ts";

export class Modules {
  readonly #words: Int32Array;
  readonly #imports: number;
  readonly #atHand: number;
  readonly #table: TaskTable;
  readonly #times: RunTimes;
  readonly #cpuNs: () => number;
  /** Those that were looked for and are here, by number. */
  readonly #definitions: (Definition | undefined)[] = [];
  #underWay = 0;
  #bits = 0;

  /** `cpuNs`: the CPU time of this thread. */
  constructor(arena: Arena, isolate: number, table: TaskTable, cpuNs: () => number) {
    this.#cpuNs = cpuNs;
    this.#words = arena.i32;
    this.#imports = arena.isolate(isolate) + M_IMPORTS;
    this.#atHand = arena.isolate(isolate) + M_AT_HAND;
    this.#table = table;
    this.#times = new RunTimes(arena);
    // The last thread of that number may have ended anywhere.
    store(this.#words, this.#imports, 0);
    store(this.#words, this.#atHand, 0);
  }

  /** The definition of that number, if its module has been imported here. */
  find(definition: number): Definition | undefined {
    const known = this.#definitions[definition];
    if (known !== undefined) return known;
    const found = registry.definitions.get(this.#table.key(definition));
    if (found === undefined) return undefined;
    this.#bits |= 1 << (definition & 31);
    store(this.#words, this.#atHand, this.#bits);
    return this.#definitions[definition] = found;
  }

  /** Imports the module of that definition. Resolves to what its tasks fail with, if they cannot run here. */
  import(definition: number): Promise<Error | undefined> {
    const [module, name] = splitKey(this.#table.key(definition));
    store(this.#words, this.#imports, ++this.#underWay);
    const begun = this.#cpuNs();
    const ended = () => store(this.#words, this.#imports, --this.#underWay);
    return import(module).then(() => {
      ended();
      add(this.#words, IMPORTED, 1);
      this.#times.importTook(definition, (this.#cpuNs() - begun) / 1000);
      if (this.find(definition) !== undefined) return undefined;
      const defined = [...registry.definitions.values()];
      const isOther = defined.some((each) => each.module === module && each.name === name);
      return new Error(notRegistered(module, name, isOther));
    }, (cause) => {
      ended();
      return new Error(`${module}, which defines the task "${name}", did not load in a thread`, { cause });
    });
  }
}
