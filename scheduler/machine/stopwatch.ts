/**
 * What an M runs, for sysmon to see, and how long some of its tasks take on end: see run_times.ts.
 *
 * Two looks at the clock cost as much as a tiny child. So of each definition that comes from queues the first runs are
 * measured, and then some; of children that nobody else knows of a few.
 */
import { load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { M_RAN_BEFORE, M_WARM } from "../arena/layout/m.ts";
import { METER_RUN_TIME } from "../arena/layout/meter.ts";
import type { Locks } from "../parking/locks.ts";
import { RunTimes } from "../slots/run_times.ts";
import type { TaskTable } from "../slots/task_table.ts";
import type { Definition } from "../tasks/call.ts";
import type { Meter } from "../tracing/meter.ts";

/** Runs of a definition that are all measured. Guess: V8 has optimised by then what is to be. */
const FIRST = 16;
/** Of later ones, and of private ones, one in so many, less 1. With 64 a child's start and end is not measurably slower. */
const LATER = 15;
const PRIVATE = 63;
/** In place of a time. */
const UNMEASURED = -1;

export class Stopwatch {
  readonly #words: Int32Array;
  readonly #ranBefore: number;
  readonly #warm: number;
  readonly #table: TaskTable;
  readonly #locks: Locks;
  readonly #times: RunTimes;
  readonly #meter: Meter;
  readonly #cpuNs: () => number;
  /** Of slots, by definition. */
  readonly #runs: number[] = [];
  #privateRuns = 0;
  #number = -1;
  /** Which one of its definition it is on this thread; 0: of a private one. */
  #run = 0;
  /** Milliseconds; 0: this run is not measured. */
  #begun = 0;
  /** While the scheduler is traced. 0: of a private one. */
  #id = 0;
  /** Nanoseconds, if it is the first. */
  #usedBefore = 0;

  /** `cpuNs`: the CPU time of this thread. */
  constructor(
    arena: Arena,
    isolate: number,
    table: TaskTable,
    locks: Locks,
    meter: Meter,
    cpuNs: () => number,
  ) {
    this.#meter = meter;
    this.#cpuNs = cpuNs;
    this.#words = arena.i32;
    this.#ranBefore = arena.isolate(isolate) + M_RAN_BEFORE;
    this.#warm = arena.isolate(isolate) + M_WARM;
    // The last thread of that number may have left it.
    store(arena.i32, this.#warm, 0);
    this.#table = table;
    this.#locks = locks;
    this.#times = new RunTimes(arena);
  }

  /** A task from a queue begins: `number` is its definition's, `id` its own. */
  begin(number: number, id: number): void {
    const runs = this.#runs[number] = (this.#runs[number] ?? 0) + 1;
    this.#number = number;
    this.#run = runs;
    this.#locks.runs(number);
    if (runs <= FIRST || (runs & LATER) === 0) this.#start();
    if (this.#meter.tracer !== undefined) this.#trace(id);
  }

  /** All that come from queues are told of. `#begun` below 0: and not measured. */
  #trace(id: number): void {
    this.#id = id;
    this.#begun ||= UNMEASURED;
    this.#meter.tracer!.begins();
  }

  beginPrivate(definition: Definition): void {
    this.#number = this.#table.known(definition);
    this.#run = 0;
    this.#locks.runs(this.#number);
    if ((++this.#privateRuns & PRIVATE) === 0 && this.#number >= 0) this.#startPrivate();
  }

  #startPrivate(): void {
    this.#start();
    if (this.#meter.tracer !== undefined) this.#trace(0);
  }

  /** Its end, or its first await. */
  end(): void {
    if (this.#begun !== 0) this.#measure();
  }

  /** It has run without a P, who knows for how long. */
  spoil(): void {
    if (this.#begun !== 0) this.#begun = this.#meter.tracer === undefined ? 0 : UNMEASURED;
  }

  #start(): void {
    // What was frozen before it was not measured.
    store(this.#words, this.#ranBefore, 0);
    this.#begun = performance.now();
    if (this.#run === 1) this.#usedBefore = this.#cpuNs();
  }

  /** For how many runs this one stands. */
  get #weight(): number {
    if (this.#run === 0) return PRIVATE + 1;
    return this.#run <= FIRST ? 1 : LATER + 1;
  }

  #measure(): void {
    this.#meter.tracer?.ran(this.#number, this.#id);
    if (this.#begun === UNMEASURED) {
      this.#begun = 0;
      return;
    }
    // The clock went on while it was frozen.
    const before = load(this.#words, this.#ranBefore);
    const us = before === 0 ? (performance.now() - this.#begun) * 1000 : before;
    this.#begun = 0;
    this.#meter.record(METER_RUN_TIME, us * 1000, this.#weight);
    if (this.#run === 1) {
      return this.#times.tookCold(this.#number, (this.#cpuNs() - this.#usedBefore) / 1000);
    }
    this.#times.took(this.#number, us);
    if (this.#run === FIRST) {
      store(this.#words, this.#warm, load(this.#words, this.#warm) | 1 << (this.#number & 31));
    }
  }
}
