/**
 * Deadlocks: every task waits for another one, and nothing can end that.
 *
 * An M that sleeps in its event loop says so in M_STUCK if its live Gs can be woken by mail alone: it has no timer, and
 * Deno's event loop has nothing to do (`eventLoopHasMoreWork`, of which V8's and Deno's promises of the outside world
 * are all part; a timer that was unrefed is not). The host looks now and then while it sleeps and tasks are in flight.
 * If every M sleeps like that or without live Gs, nothing is queued and no mail is on its way, and the host has no handle
 * of anything shared and no timeout or signal that cancels, then nobody is left who could send.
 *
 * Conservative on purpose: who is not sure says no. In a Deno without that function nothing is ever found.
 *
 * The host asks (M_ASKED = REPORT_WAITS), each stuck M says what is waited for there, and the host, if nothing has moved,
 * tells all of them (M_ASKED = BREAK_DEADLOCK): they reject their parked operations with the report.
 */
import { load, store } from "../arena/atomics.ts";
import { encode } from "../codec/codec.ts";
import type { Shared } from "../parking/shared.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Arena } from "../arena/arena.ts";
import { DEADLOCK_REPORT } from "../arena/layout/header.ts";
import { M_ASKED, M_LIVE, M_PARKS, M_REPORT, M_STUCK } from "../arena/layout/m.ts";
import { BREAK_DEADLOCK, readReport, REPORT_WAITS } from "../machine/stuck.ts";
import { isAsleep, isBlocked, sleepsInEventLoop } from "../parking/sleep_word.ts";

/** Milliseconds between the host's looks. Guess: a deadlock waits for ever anyway. */
const INTERVAL = 150;
/** Looks between two wakes of an M that waits for the world outside: in the end one every 10 s. Guess. */
const MOST_BACKOFF = 64;
/**
 * Intervals between the host's looks at the most, while such an M, or what the host has, keeps all from being stuck: each is 0.1 to
 * 0.3 ms of a CPU. Guess.
 */
const MOST_INTERVALS = 8;

export interface Watched {
  /** Tasks are in flight, none of them waits for a slot, and none has a timeout or a signal. */
  readonly mayBeStuck: boolean;
  readonly isolates: number[];
}

export class DeadlockWatch {
  readonly #shared: Shared;
  readonly #home: Isolate;
  readonly #words: Int32Array;
  readonly #arena: Arena;
  readonly #watched: Watched;
  #isOn = false;
  /**
   * It stays from one sleep to the next: to set and to clear one for each took 7% of what a sleep and its end take, which is once
   * per task where these are long. It fires at `#fires`, and it is time to look at `#due`, which may be later.
   */
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #fires = 0;
  #due = 0;
  /** The sum of all parks when everything looked stuck, at the last look. */
  #stuckAt = -1;
  #asked: number[] = [];
  /** Intervals since an M was last asked to look again, and until the next time. */
  #waited = 0;
  #backoff = 1;
  #report = 0;

  constructor(home: Isolate, shared: Shared, watched: Watched) {
    this.#shared = shared;
    this.#home = home;
    this.#words = home.words;
    this.#arena = home.arena;
    this.#watched = watched;
  }

  /** The host sleeps, and tasks are in flight. */
  begin(): void {
    this.#stuckAt = -1;
    this.#waited = 0;
    this.#backoff = 1;
    this.#isOn = true;
    this.#wait();
  }

  end(): void {
    this.#isOn = false;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#due = performance.now() + INTERVAL * this.#intervals;
    if (this.#timer === undefined || this.#due < this.#fires) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#fires = this.#due;
    // Of less than 0 Deno warns the user.
    this.#timer = setTimeout(() => this.#fired(), Math.max(0, this.#due - performance.now()));
    Deno.unrefTimer(this.#timer);
  }

  #fired(): void {
    this.#timer = undefined;
    if (!this.#isOn) return;
    if (performance.now() < this.#due) this.#arm();
    else this.#look();
  }

  get #intervals(): number {
    return Math.min(this.#backoff, MOST_INTERVALS);
  }

  #look(): void {
    // Twice, and no M woke between: so all were asleep at one moment, the end of the first time.
    const before = this.#parks();
    const first = this.#stuck();
    const stuck = first === undefined || this.#stuck() === undefined || this.#parks() !== before
      ? undefined
      : first;
    if (stuck === undefined) {
      this.#stuckAt = -1;
      this.#asked = [];
      return this.#wait();
    }
    this.#backoff = 1;
    if (this.#asked.length > 0) {
      this.#tell();
    } else {
      if (before === this.#stuckAt) this.#ask(stuck);
      else this.#stuckAt = before;
    }
    this.#wait();
  }

  /** The Ms with live Gs, if nothing can wake any of them. */
  #stuck(): number[] | undefined {
    const { isolates, mayBeStuck } = this.#watched;
    if (!mayBeStuck || this.#home.handles.count > 0) {
      this.#backoff = Math.max(this.#backoff, Math.min(2 * this.#backoff, MOST_INTERVALS));
      return undefined;
    }
    if (!this.#shared.mailbox.isEmpty(this.#home.number)) return undefined;
    if (this.#shared.idle.spinning !== 0 || this.#shared.wakeups.workVisible()) return undefined;
    const stuck: number[] = [];
    const unsure: number[] = [];
    for (const isolate of isolates) {
      const record = this.#arena.isolate(isolate);
      const state = this.#shared.parker.state(isolate);
      if (!this.#shared.mailbox.isEmpty(isolate)) return undefined;
      // It may be about to do something.
      if (!isAsleep(state) || isBlocked(state)) return undefined;
      if (sleepsInEventLoop(state)) {
        (load(this.#words, record + M_STUCK) === 0 ? unsure : stuck).push(isolate);
      } else if (load(this.#words, record + M_LIVE) !== 0) {
        return undefined;
      }
    }
    if (unsure.length > 0) this.#askAgain(unsure);
    return unsure.length > 0 || stuck.length === 0 ? undefined : stuck;
  }

  /** They slept before what they waited for outside had come, and are to look at their event loops once more. */
  #askAgain(unsure: number[]): void {
    this.#waited += this.#intervals;
    if (this.#waited < this.#backoff) return;
    this.#waited = 0;
    this.#backoff = Math.min(2 * this.#backoff, MOST_BACKOFF);
    for (const isolate of unsure) this.#shared.wakeups.signal(isolate);
  }

  #parks(): number {
    return this.#watched.isolates.reduce(
      (sum, isolate) => sum + load(this.#words, this.#arena.isolate(isolate) + M_PARKS),
      0,
    );
  }

  #ask(stuck: number[]): void {
    this.#asked = stuck;
    for (const isolate of stuck) {
      store(this.#words, this.#arena.isolate(isolate) + M_ASKED, REPORT_WAITS);
      this.#shared.wakeups.signal(isolate);
    }
  }

  /** All have reported, and are stuck still. */
  #tell(): void {
    const reports = this.#asked.map((isolate) => this.#takeReport(isolate)).filter((text) => text !== "");
    this.#free(this.#report);
    const text = `Every task waits for another one, and the host holds nothing that could end it: ${
      reports.join("; ")
    }.`;
    this.#report = this.#home.heap.put(encode(text).bytes);
    store(this.#words, DEADLOCK_REPORT, this.#report);
    for (const isolate of this.#asked) {
      store(this.#words, this.#arena.isolate(isolate) + M_ASKED, BREAK_DEADLOCK);
      this.#shared.wakeups.signal(isolate);
    }
    this.#asked = [];
    this.#stuckAt = -1;
  }

  #takeReport(isolate: number): string {
    const word = this.#arena.isolate(isolate) + M_REPORT;
    const report = load(this.#words, word);
    const text = readReport(this.#arena, report);
    store(this.#words, word, 0);
    this.#free(report);
    return text;
  }

  #free(report: number): void {
    if (report !== 0) this.#home.heap.release(report);
  }
}
