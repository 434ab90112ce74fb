/**
 * What an isolate counts and measures while it runs: its meter in the arena, from which the host reads (meters.ts). The isolate is
 * the only writer, so an addition is no atomic operation, takes a nanosecond, and shares no cache line with other writers. The
 * host reads doubles while they are written: each is one that there was, and two may be of different moments. A meter outlives
 * its thread, and the next thread of that number goes on with it: nothing is lost when a thread dies, and nobody resets it.
 *
 * A look at the clock takes 35 ns, so not everything is measured: what is stands for `weight` of its kind.
 *
 * Scheduling latency, from the moment that a task is queued until a thread begins it: the time of one is in a word of its slot
 * (`Arena.queuedAt`). It belongs to who has the slot: written plainly by the owner before G_QUEUED, read by the taker after
 * its CAS to G_RUNNING. Which tasks are measured follows from their numbers, so nobody has to tell the other.
 */
import type { Arena } from "../arena/arena.ts";
import { METER_CALLS, METER_DOUBLES, METER_LATENCY } from "../arena/layout/meter.ts";
import { record } from "./histogram.ts";
import { type HoldTap, type Tap, Taps } from "./tap.ts";
import { CALLED, type Clocks, QUEUED, Tracer } from "./tracer.ts";

/** Of tasks with a slot, one in so many, less 1: two looks at the clock are 0.3% of the 1.4 us that one takes. */
const LATENCY = 15;
/** The same of blocking calls: of one that is over at once, 3%. */
const CALLS = 15;

export class Meter {
  /** While the scheduler is traced, as far as this thread knows. */
  tracer: Tracer | undefined = undefined;
  /** That, and who else hears of waits. */
  tap: Tap | undefined = undefined;
  /** Who hears of locks that are taken, from before the first one on. */
  holds: HoldTap | undefined = undefined;
  /** Called when `tap` has changed. */
  onTap: (() => void) | undefined = undefined;
  #listener: Tap | undefined = undefined;
  /** The thread's, also while it is not. */
  #tracer: Tracer | undefined = undefined;
  readonly #arena: Arena;
  readonly #number: number;
  readonly #doubles: Float64Array;
  readonly #clocks: Clocks;
  readonly #nowNs: () => number;
  #calls = 0;
  /** What the header said at the last look. */
  #trace = 0;

  /** `number`: the isolate's, or `Arena.sysmonMeter`. */
  constructor(arena: Arena, number: number, clocks: Clocks) {
    this.#arena = arena;
    this.#number = number;
    this.#doubles = doublesOf(arena, number);
    this.#clocks = clocks;
    this.#nowNs = clocks.nowNs;
  }

  /** Whether the scheduler is traced. */
  lookForTracing(): Tracer | undefined {
    const trace = this.#trace = Tracer.current(this.#arena);
    const own = this.#tracer = Tracer.look(this.#arena, this.#number, this.#clocks, this.#tracer, trace);
    this.tracer = own?.isOn ? own : undefined;
    this.#tell();
    return this.tracer;
  }

  /** It hears of waits and of locks from now on. */
  listen(listener: Tap & HoldTap): void {
    this.#listener = listener;
    this.holds = listener;
    this.#tell();
  }

  #tell(): void {
    const { tracer } = this;
    const listener = this.#listener;
    this.tap = tracer === undefined || listener === undefined
      ? tracer ?? listener
      : new Taps(listener, tracer);
    this.onTap?.();
  }

  /** Whether that has changed since the thread looked. Who was asked to look may have a task before it has read that. */
  get isBehind(): boolean {
    return Tracer.current(this.#arena) !== this.#trace;
  }

  count(counter: number, by = 1): void {
    this.#doubles[counter] += by;
  }

  set(counter: number, value: number): void {
    this.#doubles[counter] = value;
  }

  record(histogram: number, value: number, weight = 1): void {
    record(this.#doubles, histogram, value, weight);
  }

  /** By the owner of the slot, about to queue it. */
  queues(slot: number, id: number, definition: number): void {
    if (this.tracer !== undefined) this.tracer.instant(QUEUED, definition, id);
    if ((id & LATENCY) === 0) this.#arena.f64[this.#arena.queuedAt(slot)] = this.#nowNs();
  }

  /** By who begins it. */
  begins(slot: number, id: number): void {
    if ((id & LATENCY) !== 0) return;
    this.record(METER_LATENCY, this.#nowNs() - this.#arena.f64[this.#arena.queuedAt(slot)], LATENCY + 1);
  }

  /** When a blocking call began; 0: this one is not measured. */
  beginCall(): number {
    return (++this.#calls & CALLS) === 1 || this.tracer !== undefined ? this.#nowNs() : 0;
  }

  endCall(begun: number): void {
    if (begun === 0) return;
    const ns = this.#nowNs() - begun;
    if ((this.#calls & CALLS) === 1) this.record(METER_CALLS, ns, CALLS + 1);
    if (this.tracer !== undefined) this.tracer.lasted(CALLED, 0, 0, ns);
  }
}

export function doublesOf(arena: Arena, number: number): Float64Array {
  return new Float64Array(arena.buffer, arena.meter(number) * 4, METER_DOUBLES);
}
