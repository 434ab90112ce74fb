/**
 * `Scheduler.trace()`: the host reads the rings of all that are traced (tracing/tracer.ts), every few milliseconds, and writes what
 * they had to a file. What it has read and not written is the text of one such turn, so memory is bounded: while the file takes
 * long, rings fill, and what finds no room there is counted.
 */
import { isGranted, variable } from "../../ffi/permitted.ts";
import { load, store } from "../arena/atomics.ts";
import { Heap, offsetOf } from "../arena/heap.ts";
import { ISOLATES, TRACING } from "../arena/layout/header.ts";
import { HOST, M_TID } from "../arena/layout/m.ts";
import type { Shared } from "../parking/shared.ts";
import type { TaskTable } from "../slots/task_table.ts";
import { splitKey } from "../tasks/define.ts";
import { type Names, requireOptions, shown } from "../tasks/options.ts";
import { RingReader, type TraceEvent } from "../tracing/event_ring.ts";
import type { Meter } from "../tracing/meter.ts";
import { NAMED, REFERENCE_BIAS, ringOf } from "../tracing/tracer.ts";
import { ChromeTrace } from "./chrome_trace.ts";

/** Options of {@linkcode Scheduler.trace}. */
export interface TraceOptions {
  /** Where to write: a path, or a `file:` URL. What is there is overwritten. */
  file: string | URL;
}

const TRACE_OPTIONS = { file: true } satisfies Names<TraceOptions>;

/** What was written. */
export interface TraceSummary {
  /** Events in the file. */
  events: number;
  /** Events that are missing: threads had more to say than could be written. */
  dropped: number;
}

/** A trace that is being written: {@linkcode Scheduler.trace}. */
export interface Trace extends AsyncDisposable {
  /** Ends it. Resolves when the file is complete; every call with the same. `close()` of the scheduler does it, too. */
  stop(): Promise<TraceSummary>;
}

/** Milliseconds from one reading to the next: a thread's ring has room for a million events a second. Guess. */
const EVERY = 8;
/** Events of a ring in one turn of the event loop, so that the program's other code has its own: guess, one is 1 us. */
const MOST = 4096;

/** Throws a TypeError. */
export function requireTraceOptions(options: unknown): TraceOptions {
  requireOptions("trace", options, TRACE_OPTIONS);
  const { file } = options as TraceOptions;
  if (typeof file === "string" && file !== "" || file instanceof URL) return { file };
  throw new TypeError(`trace: file is ${shown(file)}: give a path, or a file: URL.`);
}

let traces = 0;

/** Where `HEDDLE_TRACE` wants the next scheduler of this process traced: the first one there, others with a number behind. */
export function traceOfEnvironment(): TraceOptions | undefined {
  const file = variable("HEDDLE_TRACE");
  if (file === undefined || file === "") return undefined;
  if (!isGranted({ name: "write", path: file })) {
    console.warn(`HEDDLE_TRACE is ${file}, which may not be written: allow it with --allow-write.`);
    return undefined;
  }
  return { file: ++traces === 1 ? file : `${file}.${traces}` };
}

export class TraceWriter implements Trace {
  readonly #shared: Shared;
  readonly #table: TaskTable;
  readonly #meter: Meter;
  readonly #heap: Heap;
  readonly #file: Deno.FsFile;
  readonly #signal: () => void;
  readonly #nowNs: () => number;
  readonly #chrome: ChromeTrace;
  /** By lane, as is the next: what threads' texts say, and what they had dropped before. */
  readonly #texts = new Map<number, Map<number, string>>();
  readonly #droppedBefore = new Map<number, number>();
  readonly #readers = new Map<number, RingReader>();
  readonly #tasks: string[] = [];
  readonly #encoder = new TextEncoder();
  readonly #isHasty: boolean;
  /** What is to be written. The first one is being, while there is `#writing`. */
  readonly #chunks: Uint8Array[] = [];
  #writing: Promise<void> | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;
  #events = 0;
  /** It reads no more, and another one may. */
  isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #stopped: Promise<TraceSummary> | undefined = undefined;

  /**
   * `isHasty`: the process may end at any time, and what is being written then would be lost, so the event loop stands still for that.
   * `number`: from 1, another one for each of a scheduler. `signal`: all threads look at the header.
   */
  constructor(
    shared: Shared,
    table: TaskTable,
    meter: Meter,
    file: Deno.FsFile,
    isHasty: boolean,
    number: number,
    name: string | undefined,
    nowNs: () => number,
    signal: () => void,
  ) {
    this.#shared = shared;
    this.#table = table;
    this.#meter = meter;
    this.#heap = new Heap(shared.arena, HOST);
    this.#file = file;
    this.#isHasty = isHasty;
    this.#signal = signal;
    this.#nowNs = nowNs;
    this.#chrome = new ChromeTrace(nowNs(), {
      task: (definition) => this.#taskName(definition),
      text: (lane, number) => this.#texts.get(lane)?.get(number) ?? "(too many names)",
    });
    // What threads said after the last trace had ended.
    this.#read(Infinity);
    for (const [lane, reader] of this.#readers) this.#droppedBefore.set(lane, reader.dropped);
    this.#write(this.#chrome.begin(name ?? "Heddle"));
    store(shared.words, TRACING, number);
    meter.lookForTracing();
    signal();
    this.#later(EVERY);
  }

  #later(ms: number): void {
    this.#timer = setTimeout(async () => {
      const isMore = this.#drain(MOST);
      await this.#writing;
      if (this.#stopped === undefined && this.#failure === undefined) this.#later(isMore ? 0 : EVERY);
    }, ms);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** By lane: the isolate's number, or that of sysmon's meter. What names texts is taken out. */
  #read(most: number): [number, TraceEvent[]][] {
    const { arena, words } = this.#shared;
    const used = load(words, ISOLATES);
    const lanes: [number, TraceEvent[]][] = [];
    for (let number = 0; number <= used; number++) {
      const lane = number === used ? arena.sysmonMeter : number;
      const reader = this.#readers.get(lane) ?? this.#open(lane);
      if (reader === undefined) continue;
      const events: TraceEvent[] = [];
      for (const event of reader.read(most)) {
        if (event.kind === NAMED) this.#learn(lane, event);
        else events.push(event);
      }
      lanes.push([lane, events]);
    }
    return lanes;
  }

  #open(lane: number): RingReader | undefined {
    const at = ringOf(this.#shared.arena, lane);
    if (at === 0) return undefined;
    const reader = new RingReader(this.#shared.words, at);
    this.#readers.set(lane, reader);
    return reader;
  }

  /** Its thread may be gone by now: the text is the host's to free. */
  #learn(lane: number, { what, id: bytes, duration }: TraceEvent): void {
    const reference = duration - REFERENCE_BIAS;
    const at = offsetOf(this.#shared.arena, reference);
    const text = new TextDecoder().decode(this.#shared.arena.u8.slice(at, at + bytes));
    this.#heap.release(reference);
    const known = this.#texts.get(lane);
    if (known === undefined) this.#texts.set(lane, new Map([[what, text]]));
    else known.set(what, text);
  }

  /** Whether there may be more. */
  #drain(most: number): boolean {
    const lanes = this.#read(most);
    let text = "";
    let isMore = false;
    for (const [lane, events] of lanes) {
      text += this.#chrome.lane(lane, this.#laneName(lane));
      this.#events += events.length;
      if (events.length === most) isMore = true;
    }
    this.#write(text + this.#chrome.events(lanes));
    return isMore;
  }

  #write(text: string): void {
    if (text === "" || this.#failure !== undefined) return;
    this.#chunks.push(this.#encoder.encode(text));
    if (this.#isHasty) this.#writeNow();
    else this.#writing ??= this.#writeAll();
  }

  #writeNow(): void {
    try {
      for (const bytes of this.#chunks.splice(0)) {
        for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      this.#failure = { error };
    }
  }

  /** What fails is what stop() rejects with. */
  async #writeAll(): Promise<void> {
    try {
      for (let bytes = this.#chunks[0]; bytes !== undefined; bytes = this.#chunks[0]) {
        for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
        this.#chunks.shift();
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#writing = undefined;
    }
  }

  /** The process ends. A file without an end can be read. */
  flush(): void {
    if (this.#stopped === undefined) this.#drain(Infinity);
  }

  #laneName(lane: number): string {
    if (lane === HOST) return "host";
    if (lane === this.#shared.arena.sysmonMeter) return "sysmon";
    return `thread ${load(this.#shared.words, this.#shared.arena.isolate(lane) + M_TID)}`;
  }

  #taskName(definition: number): string {
    return this.#tasks[definition] ??= splitKey(this.#table.key(definition))[1];
  }

  stop(): Promise<TraceSummary> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<TraceSummary> {
    clearTimeout(this.#timer);
    store(this.#shared.words, TRACING, 0);
    this.#meter.lookForTracing();
    this.#signal();
    // Who looks at the header says which P it has had until now. Who computes on does not, and nobody waits for that.
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    this.#drain(Infinity);
    this.isOver = true;
    let dropped = 0;
    for (const [lane, reader] of this.#readers) {
      dropped += (reader.dropped - (this.#droppedBefore.get(lane) ?? 0)) >>> 0;
    }
    const summary: TraceSummary = { events: this.#events, dropped };
    this.#write(`${this.#chrome.end(summary, this.#nowNs())}\n]\n`);
    await this.#writing;
    this.#file.close();
    if (this.#failure !== undefined) throw this.#failure.error;
    return summary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
