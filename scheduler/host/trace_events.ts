/**
 * Reads what threads write in their rings while they are traced: the head of tracing/tracer.ts has the form. Durations and times
 * become nanoseconds.
 */
import { E_DURATION, E_HEAD, E_ID, E_TIME, EVENT_WORDS, KIND_BITS } from "../arena/layout/ring.ts";
import { isMeasuredInNs, JOINED, NAMED, WIDE } from "../tracing/tracer.ts";
import type { Moment } from "./trace_chunks.ts";

/** What happened. `what` and `id` are its kind's: tracing/tracer.ts. */
export interface TraceEvent {
  kind: number;
  what: number;
  id: number;
  /** When it began. */
  time: number;
  /** 0: it is a moment. */
  duration: number;
}

const HIGH = 2 ** 32;
const KINDS = (1 << KIND_BITS) - 1;

/** One thread after the other, in the order of a lane. */
export class LaneReader {
  readonly #trace: number;
  readonly #from: Moment;
  /** Nanoseconds of one unit of the events' clock. */
  readonly #unit: number;
  readonly #texts = new Map<number, string>();
  /** Undefined: what comes is another trace's. */
  #base: number | undefined = undefined;

  constructor(trace: number, from: Moment, to: Moment) {
    this.#trace = trace;
    this.#from = from;
    this.#unit = to.ticks > from.ticks ? (to.ns - from.ns) / (to.ticks - from.ticks) : 1;
  }

  text(number: number): string {
    return this.#texts.get(number) ?? "(too many names)";
  }

  /** What a ring had at one time: whole events. */
  read(words: Int32Array<ArrayBuffer>): TraceEvent[] {
    const events: TraceEvent[] = [];
    let [highId, highDuration] = [0, 0];
    for (let at = 0; at < words.length; at += EVENT_WORDS) {
      const kind = words[at + E_HEAD] & KINDS;
      const what = words[at + E_HEAD] >> KIND_BITS;
      const [low, high] = [words[at + E_ID] >>> 0, words[at + E_DURATION] >>> 0];
      if (kind === NAMED) {
        const first = (at + EVENT_WORDS) * 4;
        at += Math.ceil(low / (EVENT_WORDS * 4)) * EVENT_WORDS;
        const bytes = new Uint8Array(words.buffer, words.byteOffset + first, low);
        if (this.#base !== undefined) this.#texts.set(what, new TextDecoder().decode(bytes));
      } else if (kind === JOINED) {
        this.#base = what === this.#trace ? low + high * HIGH : undefined;
      } else if (kind === WIDE) {
        [highId, highDuration] = [low, high];
      } else {
        const { duration, time } = this.#timeOf(kind, words[at + E_TIME] >>> 0, high + highDuration * HIGH);
        if (time !== undefined) events.push({ kind, what, id: low + highId * HIGH, time, duration });
        [highId, highDuration] = [0, 0];
      }
    }
    return events;
  }

  #timeOf(kind: number, end: number, lasted: number): { time: number | undefined; duration: number } {
    const duration = isMeasuredInNs(kind) ? lasted : lasted * this.#unit;
    if (this.#base === undefined) return { time: undefined, duration };
    const ns = this.#from.ns + (this.#base + end - this.#from.ticks) * this.#unit;
    return { time: ns - duration, duration };
  }
}
