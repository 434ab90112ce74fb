/**
 * A thread of the pool that has nothing to do imports what another one has imported for its tasks, so that it is not cold when it
 * is wanted: one thread at a time, when no P has been in use for a moment.
 *
 * IMPORTED counts what was imported anywhere. Who parks and finds it changed looks whether it lacks what others have at hand (M_AT_HAND).
 * If so, it rests, and imports that, a module after the other. Who lacks nothing wakes one that does. So the word goes round.
 *
 * Meanwhile it sleeps in its event loop, without a P. So others are woken first; and if it is given a P while a module is evaluated, it
 * comes for it after that, or sysmon takes it back.
 */
import { load } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { IMPORTED, TASK_COUNT } from "../arena/layout/header.ts";
import { HOST, M_AT_HAND, M_IMPORTS } from "../arena/layout/m.ts";
import type { Idle } from "../parking/idle.ts";
import { POOL, type Roles } from "../parking/roles.ts";
import type { Shared } from "../parking/shared.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import { RunTimes } from "../slots/run_times.ts";
import type { TaskTable } from "../slots/task_table.ts";
import { splitKey } from "../tasks/define.ts";
import type { Hold } from "./hold.ts";
import type { Modules } from "./modules.ts";

/** Milliseconds without a P in use before an import, from the first look; doubled for each look that finds one in use. Guesses. */
const REST = 10;
const LONGEST_REST = 1000;

/** What `rest` says of an M that imports: it is to sleep in its event loop. */
export const IMPORTING = 0;

export class WarmUp {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #idle: Idle;
  readonly #roles: Roles;
  readonly #wakeups: Wakeups;
  readonly #hold: Hold;
  readonly #modules: Modules;
  readonly #table: TaskTable;
  readonly #times: RunTimes;
  /** By their URLs: one that does not load here may load elsewhere. */
  readonly #tried = new Set<string>();
  #seen = 0;
  #isImporting = false;
  /** When to look next, while it lacks something. */
  #due = Infinity;
  #restMs = REST;

  constructor({ arena, idle, roles, wakeups }: Shared, hold: Hold, modules: Modules, table: TaskTable) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#idle = idle;
    this.#roles = roles;
    this.#wakeups = wakeups;
    this.#hold = hold;
    this.#modules = modules;
    this.#table = table;
    this.#times = new RunTimes(arena);
  }

  /** By an M without live Gs that is about to sleep: for how many milliseconds at the most; or it is importing. */
  rest(): number {
    if (this.#isImporting) return IMPORTING;
    const imported = load(this.#words, IMPORTED);
    if (imported === this.#seen) return Infinity;
    if (!this.#isOfUse(this.#hold.isolate)) return Infinity;
    const definition = this.#lacking();
    if (definition < 0) {
      this.#seen = imported;
      this.#due = Infinity;
      this.#tellNext();
      return Infinity;
    }
    const now = performance.now();
    if (this.#due === Infinity) this.#restMs = REST;
    else if (now >= this.#due) {
      if (this.#isCalm) {
        this.#import(definition);
        return IMPORTING;
      }
      this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST);
    } else return this.#due - now;
    this.#due = now + this.#restMs;
    return this.#restMs;
  }

  /** One of the pool, and among those that it is to keep: the others end, and are woken last. */
  #isOfUse(isolate: number): boolean {
    if (this.#roles.of(isolate) !== POOL) return false;
    let before = 0;
    for (let each = HOST + 1; each < isolate; each++) {
      if (this.#roles.of(each) === POOL) before++;
    }
    return before < this.#idle.procs;
  }

  /** No P is in use, and nobody is importing. */
  get #isCalm(): boolean {
    return this.#idle.idlePs >= this.#idle.procs &&
      this.#first((isolate) => load(this.#words, this.#arena.isolate(isolate) + M_IMPORTS) !== 0) === HOST;
  }

  /** The definition of a module that others have at hand, or -1. */
  #lacking(): number {
    let others = 0;
    for (const isolate of this.#roles.isolates) if (this.#isOther(isolate)) others |= this.#atHand(isolate);
    const count = load(this.#words, TASK_COUNT);
    for (let definition = 0; definition < count; definition++) {
      const bit = 1 << (definition & 31);
      if ((others & bit) === 0 || (this.#atHand(this.#hold.isolate) & bit) !== 0) continue;
      // The bit may be another definition's, and this one's module may be what ends threads.
      if (this.#times.importTime(definition) === 0) continue;
      if (this.#modules.find(definition) === undefined && !this.#tried.has(this.#url(definition))) {
        return definition;
      }
    }
    return -1;
  }

  #import(definition: number): void {
    this.#tried.add(this.#url(definition));
    this.#isImporting = true;
    this.#due = Infinity;
    // Who has a task of it will hear what is wrong with it.
    this.#modules.import(definition).then(() => {
      this.#isImporting = false;
      this.#hold.kick();
    });
  }

  /** Of its module. */
  #url(definition: number): string {
    return splitKey(this.#table.key(definition))[0];
  }

  #tellNext(): void {
    const mine = this.#atHand(this.#hold.isolate);
    const next = this.#first((isolate) => this.#isOfUse(isolate) && (mine & ~this.#atHand(isolate)) !== 0);
    if (next !== HOST) this.#wakeups.signal(next);
  }

  #atHand(isolate: number): number {
    return load(this.#words, this.#arena.isolate(isolate) + M_AT_HAND);
  }

  /** The lowest of the pool's others of which that holds; HOST if there is none. */
  #first(holds: (isolate: number) => boolean): number {
    return this.#roles.first((isolate) => this.#isOther(isolate) && holds(isolate));
  }

  #isOther(isolate: number): boolean {
    return isolate !== this.#hold.isolate && this.#roles.of(isolate) === POOL;
  }
}
