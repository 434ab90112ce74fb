/**
 * Whether a scheduler that has no watchdog yet needs one. Its start takes 55 ms of a CPU and 12 MB, and holds the host for as long;
 * then it looks around, in code that is cold: 0.2 ms each time. Without it rendering 500 pages of Markdown took 8% less, parsing 306
 * files of TypeScript 4% (medians of 8 runs by turns). So it begins when
 *
 * - something calls for it that cannot do without (parking/sysmon_sleep.ts): a blocking call, a poll set, a native call;
 * - the host, which looks now and then, finds a P that sysmon would take: in gain.ts's words, somebody would gain by it; or it was
 *   given to an M that does not come for it;
 * - somebody is to hear of tasks that run on;
 * - nobody waits for a task, so that it is in no one's way;
 * - the scheduler is LATEST old: sysmon follows the machine's CPUs, and looks also while the host's event loop stands still.
 */
import type { Shim } from "../../ffi/shim.ts";
import { load } from "../arena/atomics.ts";
import { PREEMPT, RUNAWAY_MS, SLICE_MS, STALL_MS } from "../arena/layout/header.ts";
import { HOST } from "../arena/layout/m.ts";
import { holder, isOnItsWay, isRunning } from "../parking/processor.ts";
import type { Shared } from "../parking/shared.ts";
import { Gain, NOBODY } from "../sysmon/gain.ts";

/**
 * Milliseconds between looks. Each is 0.05 to 0.1 ms of a CPU. Who waits behind what does not end waits so long, and for sysmon's
 * start. Guess.
 */
export const LOOK = 50;
/** Milliseconds. Guess: of so long a program sysmon's start is a fiftieth at the most. */
const LATEST = 2000;

export class Unwatched {
  readonly #shared: Shared;
  readonly #words: Int32Array;
  readonly #shim: Shim;
  readonly #isIdle: () => boolean;
  readonly #isPreempting: boolean;
  readonly #slice: number;
  readonly #gain: Gain;
  readonly #begun = performance.now();
  #looked = 0;
  /** The words of Ps at the last look. */
  readonly #seen: number[] = [];

  /** `isIdle`: nobody waits for a task. */
  constructor(shared: Shared, shim: Shim, isIdle: () => boolean) {
    this.#shared = shared;
    this.#words = shared.words;
    this.#shim = shim;
    this.#isIdle = isIdle;
    this.#isPreempting = load(this.#words, PREEMPT) === 1;
    this.#slice = load(this.#words, SLICE_MS) * 1e6;
    this.#gain = new Gain(shared, shim, this.#slice);
    shared.sysmonSleep.announceAbsence();
  }

  /** Whenever the host looks after its threads. */
  needsSysmon(): boolean {
    return this.#shared.sysmonSleep.isCalledFor || this.#isWatchWanted || this.#isIdle() ||
      performance.now() - this.#begun >= LATEST || this.#look();
  }

  get #isWatchWanted(): boolean {
    return load(this.#words, STALL_MS) > 0 || load(this.#words, RUNAWAY_MS) > 0;
  }

  #look(): boolean {
    const now = this.#shim.nowNs();
    if (now - this.#looked < LOOK * 1e6) return false;
    this.#looked = now;
    this.#gain.begin(now);
    let would = false;
    for (let p = 0; p < this.#shared.idle.procs; p++) {
      const word = this.#shared.idle.ps.word(p);
      if (isRunning(word)) would = this.#wouldTake(p, holder(word), now) || would;
      else if (isOnItsWay(word)) would = this.#seen[p] === word && !this.#isAnyImporting || would;
      this.#seen[p] = word;
    }
    return would;
  }

  #wouldTake(p: number, isolate: number, now: number): boolean {
    if (!this.#isPreempting) return false;
    this.#gain.watch(p);
    const turn = this.#gain.turn(isolate);
    return turn.left(this.#slice, now) <= 0 && this.#gain.whom(p, isolate, turn) !== NOBODY;
  }

  /** Which comes for its P after that. */
  get #isAnyImporting(): boolean {
    return this.#shared.roles.first((isolate) => this.#gain.isImporting(isolate)) !== HOST;
  }
}
