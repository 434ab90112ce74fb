/**
 * Events of a trace as the JSON that Chromium and Perfetto read ("Trace Event Format", Google): an array of objects, which may stay
 * unterminated, so that a file is whole at any time. Times are microseconds.
 *
 * Lanes: a process "threads" with a lane for each, and a process "Ps" with one for each P. What is one after the other on a thread
 * is on its lane; what may overlap (waits, asynchronous regions, freezes) has lanes of its own ("b" and "e"). An arrow leads from
 * who queued a task to who ran it, and from who ended a wait to whose that was.
 */
import { HOST } from "../arena/layout/m.ts";
import type { TraceEvent } from "./trace_events.ts";
import {
  ASYNC_REGION,
  CALLED,
  CALLED_NATIVE,
  FINISHED,
  FROZE,
  HELD_P,
  PAUSED,
  POSTED,
  PREEMPTED_P,
  QUEUED,
  RAN,
  READIED,
  REGION,
  RETOOK,
  SLEPT,
  STOLE,
  WAITED,
} from "../tracing/tracer.ts";

/** What an event's numbers mean. */
export interface Meanings {
  /** Of a definition: its task's name. */
  task(definition: number): string;
  /** Of a text of the thread that the event is of. */
  text(lane: number, number: number): string;
}

/** Processes of the file. */
const THREADS = 1;
const PROCESSORS = 2;
/** Microseconds of what is a moment, and a slice because an arrow leads from there or to there: less than a look at the clock takes. */
const SHORT = 0.02;
/** The begin and the end of an arrow, each followed by a number and a quotation mark. Records of operations have others than tasks. */
const OUT = `,"flow_out":true,"bind_id":"0x`;
const IN = `,"flow_in":true,"bind_id":"0x`;
const RECORDS = 2 ** 52;

export class ChromeTrace {
  readonly #meanings: Meanings;
  readonly #base: number;
  /** Names of lanes, as far as the file has them. */
  readonly #lanes = new Map<number, string>();
  readonly #processors = new Set<number>();
  readonly #quotes = new Map<string, string>();
  /** When sysmon took their Ps from Ms, which find that out later: by lane, oldest first. */
  readonly #lost = new Map<number, number[]>();
  #asyncs = 0;

  /** `base`: the time that is 0, in nanoseconds. */
  constructor(base: number, meanings: Meanings) {
    this.#base = base;
    this.#meanings = meanings;
  }

  begin(name: string): string {
    return `[\n${nameOf(THREADS, `${name}: threads`)}${nameOf(PROCESSORS, `${name}: Ps`)}`;
  }

  /** The thread's name, if it is a new one. */
  lane(lane: number, name: string): string {
    if (this.#lanes.get(lane) === name) return "";
    this.#lanes.set(lane, name);
    return meta("thread_name", THREADS, lane, { name }) +
      meta("thread_sort_index", THREADS, lane, { sort_index: lane });
  }

  /** What was dropped, in words and as a number. */
  end({ events, dropped }: { events: number; dropped: number }, time: number): string {
    const args = JSON.stringify({ events, dropped });
    const at = this.#at(time);
    return `{"name":"${
      dropped === 0 ? "nothing dropped" : `${dropped} events dropped`
    }","cat":"heddle","ph":"i","s":"g","pid":${THREADS},"tid":${tid(HOST)},"ts":${at},"args":${args}}`;
  }

  /** Of one moment on. `Ps` that were held come last: what sysmon says of them is known by then. */
  events(lanes: readonly (readonly [lane: number, events: readonly TraceEvent[]])[]): string {
    let text = "";
    const held: [number, TraceEvent][] = [];
    for (const [lane, events] of lanes) {
      for (const event of events) {
        if (event.kind === HELD_P) held.push([lane, event]);
        else text += this.#event(lane, event);
      }
    }
    for (const [lane, event] of held) text += this.#heldP(lane, event);
    return text;
  }

  #event(lane: number, event: TraceEvent): string {
    const { kind, what, id } = event;
    switch (kind) {
      case QUEUED:
        return this.#slice(lane, `go ${this.#meanings.task(what)}`, "go", event, `${OUT}${hex(id)}"`);
      case RAN: {
        const name = this.#meanings.task(what);
        if (id === 0) return this.#slice(lane, name, "child", event, `,"args":{"sampled":"1 in 64"}`);
        return this.#slice(lane, name, "task", event, `${IN}${hex(id)}","args":{"id":${id}}`);
      }
      case FINISHED: {
        const name = what < 0 ? "child" : this.#meanings.task(what);
        return this.#instant(lane, `${name} ended`, event, { id });
      }
      case CALLED:
        return this.#slice(lane, "blocking call", "call", event);
      case RETOOK:
        this.#lose(what, event.time);
        return this.#instant(lane, `P ${id} taken from a call`, event, { thread: this.#nameOf(what), p: id });
      case PREEMPTED_P:
        this.#lose(what, event.time);
        return this.#instant(lane, `P ${id} taken from a task`, event, { thread: this.#nameOf(what), p: id });
      case FROZE:
        return this.#async(what, `${this.#nameOf(what)} frozen`, "freeze", event);
      case STOLE:
        return this.#instant(lane, "steal", event, { slot: what });
      case SLEPT:
        return this.#slice(lane, "idle", "idle", event);
      case WAITED: {
        const goesOn = { ...event, time: event.time + event.duration, duration: 0 };
        return this.#async(lane, this.#meanings.text(lane, what), "wait", event) +
          this.#slice(lane, "go on", "ready", goesOn, `${IN}${hex(id + RECORDS)}"`);
      }
      case PAUSED:
        return this.#async(lane, this.#meanings.text(lane, what), "pause", event);
      case CALLED_NATIVE:
        return this.#async(lane, this.#meanings.text(lane, what), "native", event);
      case READIED:
        return this.#slice(lane, "ready", "ready", event, `${OUT}${hex(id + RECORDS)}"`);
      case REGION:
        return this.#slice(lane, this.#meanings.text(lane, what), "region", event, `,"args":{"task":${id}}`);
      case ASYNC_REGION:
        return this.#async(lane, this.#meanings.text(lane, what), "region", event, { task: id });
      case POSTED:
        return this.#instant(lane, "value by port", event, { bytes: what, task: id });
      default:
        throw new Error(`Heddle: there is no event of kind ${kind}.`);
    }
  }

  #lose(lane: number, time: number): void {
    const losses = this.#lost.get(lane);
    if (losses === undefined) this.#lost.set(lane, [time]);
    else losses.push(time);
  }

  #heldP(lane: number, { what: p, time, duration }: TraceEvent): string {
    let text = "";
    if (!this.#processors.has(p)) {
      this.#processors.add(p);
      text = meta("thread_name", PROCESSORS, p, { name: `P ${p}` }) +
        meta("thread_sort_index", PROCESSORS, p, { sort_index: p });
    }
    const losses = this.#lost.get(lane) ?? [];
    let end = time + duration;
    while (losses.length > 0 && losses[0] < time + duration) {
      const lost = losses.shift()!;
      if (lost > time) end = Math.min(end, lost);
    }
    const name = this.#quoted(this.#nameOf(lane));
    return `${text}{"name":${name},"cat":"P","ph":"X","pid":${PROCESSORS},"tid":${tid(p)},"ts":${
      this.#at(time)
    },"dur":${this.#between(time, end)}},\n`;
  }

  #nameOf(lane: number): string {
    return this.#lanes.get(lane) ?? `thread ${lane}`;
  }

  /** To the nanosecond: more digits only make the file longer. */
  #at(time: number): number {
    return Math.round(time - this.#base) / 1e3;
  }

  /** What lies in another one does so in the file, too. */
  #between(time: number, end: number): number {
    return (Math.round(end - this.#base) - Math.round(time - this.#base)) / 1e3;
  }

  /** There are few names, and each comes often. */
  #quoted(name: string): string {
    const known = this.#quotes.get(name);
    if (known !== undefined) return known;
    const quoted = JSON.stringify(name);
    this.#quotes.set(name, quoted);
    return quoted;
  }

  /** `more`: further fields, each with a comma before it. */
  #slice(lane: number, name: string, category: string, { time, duration }: TraceEvent, more = ""): string {
    return `{"name":${this.#quoted(name)},"cat":"${category}","ph":"X","pid":${THREADS},"tid":${
      tid(lane)
    },"ts":${this.#at(time)},"dur":${
      duration === 0 ? SHORT : this.#between(time, time + duration)
    }${more}},\n`;
  }

  #instant(lane: number, name: string, { time }: TraceEvent, args: object): string {
    return `{"name":${this.#quoted(name)},"cat":"heddle","ph":"i","s":"t","pid":${THREADS},"tid":${
      tid(lane)
    },"ts":${this.#at(time)},"args":${JSON.stringify(args)}},\n`;
  }

  #async(
    lane: number,
    name: string,
    category: string,
    { time, duration }: TraceEvent,
    args: object = {},
  ): string {
    const common =
      `{"name":${this.#quoted(name)},"cat":"${category}","id":${++this.#asyncs},"pid":${THREADS},` +
      `"tid":${tid(lane)},"args":${JSON.stringify(args)}`;
    return `${common},"ph":"b","ts":${this.#at(time)}},\n${common},"ph":"e","ts":${
      this.#at(time + duration)
    }},\n`;
  }
}

/** Of a lane, or a P. From 1: to some readers (Perfetto's among them) 0 is no thread, or the kernel's idle one. */
function tid(lane: number): number {
  return lane + 1;
}

function hex(id: number): string {
  return id.toString(16);
}

function nameOf(process: number, name: string): string {
  return meta("process_name", process, 0, { name });
}

/** With a category and a time, as Chromium's own have them: some readers look at these of all events. */
function meta(name: string, process: number, lane: number, args: object): string {
  return `{"name":"${name}","cat":"__metadata","ph":"M","ts":0,"pid":${process},"tid":${tid(lane)},"args":${
    JSON.stringify(args)
  }},\n`;
}
