/**
 * `Scheduler.trace()`: tells all threads to say what they do (tracing/tracer.ts), and another one to collect that
 * (trace_drain.ts). The host has nothing to do with it until it ends; but if the process ends before, it finishes the file.
 */
import { isCounterSound } from "../../ffi/counter.ts";
import { isGranted, variable } from "../../ffi/permitted.ts";
import { store } from "../arena/atomics.ts";
import { TRACE_COUNTER, TRACE_END, TRACE_LOCK, TRACING } from "../arena/layout/header.ts";
import type { Shared } from "../parking/shared.ts";
import { type Names, requireOptions, shown } from "../tasks/options.ts";
import type { Meter } from "../tracing/meter.ts";
import type { Clocks } from "../tracing/tracer.ts";
import { eventsOf, finishTrace, type TraceSummary } from "./finish_trace.ts";
import { type DrainStart, EVERY, FREE, TraceDrain } from "./trace_drain.ts";

/** Options of {@linkcode Scheduler.trace}. */
export interface TraceOptions {
  /**
   * Where to write: a path, or a `file:` URL. What is there is overwritten. Until the trace ends, events are collected in a file
   * of that name with `.events` behind it: 16 bytes for each. {@linkcode finishTrace} says what if the process is killed.
   */
  file: string | URL;
}

const TRACE_OPTIONS = { file: true } satisfies Names<TraceOptions>;

/** A trace that is being written: {@linkcode Scheduler.trace}. */
export interface Trace extends AsyncDisposable {
  /**
   * Ends it. Resolves when the file is complete, which takes 1 us for each event, on a thread of its own; every call with the same.
   * `close()` of the scheduler does it, too. Rejects if something could not be written.
   */
  stop(): Promise<TraceSummary>;
}

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

/** What the thread that collects tells: it begins, or has finished the file, or that this has failed. */
export type DrainerMessage = "up" | TraceSummary | { readonly failed: unknown };

/** That thread, as the host has it. */
export interface Drainer {
  ref(): void;
  on(event: "message", heard: (message: DrainerMessage) => void): void;
  on(event: "error", heard: (error: unknown) => void): void;
}

/** Of those that nobody stops. */
export const UNFINISHED = "Heddle's trace was not finished:";

export class TraceWriter implements Trace {
  readonly #shared: Shared;
  readonly #meter: Meter;
  readonly #clocks: Clocks;
  readonly #file: string | URL;
  readonly #signal: () => void;
  readonly #number: number;
  readonly #drainer: Drainer;
  readonly #up = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<TraceSummary>();
  readonly #atExit = () => this.#finish();
  #stopped: Promise<TraceSummary> | undefined = undefined;
  /** Nobody reads any more, and another one may. */
  isOver = false;

  /**
   * Nothing is traced so far. `number`: from 1, another one for each of a scheduler. `start` makes a thread that runs `drainTrace`,
   * or throws. `signal`: all threads look at the header.
   */
  constructor(
    shared: Shared,
    meter: Meter,
    clocks: Clocks,
    file: string | URL,
    number: number,
    name: string | undefined,
    start: (drain: DrainStart) => Drainer,
    signal: () => void,
  ) {
    this.#shared = shared;
    this.#meter = meter;
    this.#clocks = clocks;
    this.#file = file;
    this.#signal = signal;
    const { words } = shared;
    // Who may not write there hears of it now.
    open(file, { truncate: true }).close();
    store(words, TRACE_COUNTER, isCounterSound() ? 1 : 0);
    store(words, TRACE_LOCK, FREE);
    store(words, TRACE_END, 0);
    const events = open(eventsOf(file), { truncate: true });
    new TraceDrain(shared, clocks, events).begin(number, name ?? "");
    events.close();
    const drainer = this.#drainer = start({ file: String(file) });
    for (const { promise } of [this.#up, this.#finished]) promise.catch(() => {});
    drainer.on("message", (message) => {
      if (message === "up") this.#up.resolve();
      else if ("failed" in message) this.#fail(message.failed);
      else this.#finished.resolve(message);
    });
    drainer.on("error", (error) => this.#fail(error));
    addEventListener("unload", this.#atExit);
    this.#number = number;
  }

  #fail(error: unknown): void {
    this.#up.reject(error);
    this.#finished.reject(error);
  }

  /** Resolves with the thread that collects: until then a ring has to have room for all. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** As `stop()`, which others call. */
  get finished(): Promise<TraceSummary> {
    return this.#finished.promise;
  }

  begin(): void {
    store(this.#shared.words, TRACING, this.#number);
    this.#meter.lookForTracing();
    this.#signal();
  }

  /** The process ends. */
  #finish(): void {
    try {
      const events = open(eventsOf(this.#file), { append: true });
      new TraceDrain(this.#shared, this.#clocks, events).end(() => finishTrace(this.#file));
    } catch (error) {
      console.error(UNFINISHED, error);
    }
  }

  stop(): Promise<TraceSummary> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<TraceSummary> {
    const { words, futex } = this.#shared;
    store(words, TRACING, 0);
    this.#meter.lookForTracing();
    this.#signal();
    // Who looks at the header says which P it has had until now. Who computes on does not, and nobody waits for that.
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    this.#drainer.ref();
    store(words, TRACE_END, 1);
    futex.wake(TRACE_END);
    try {
      return await this.#finished.promise;
    } finally {
      this.isOver = true;
      removeEventListener("unload", this.#atExit);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function open(file: string | URL, how: { readonly truncate?: true; readonly append?: true }): Deno.FsFile {
  return Deno.openSync(file, { write: how.append !== true, create: true, ...how });
}

/** In the thread that collects. */
export function drainTrace(
  { file }: DrainStart,
  shared: Shared,
  clocks: Clocks,
  isAlone: () => boolean,
  tell: (message: DrainerMessage) => void,
): void {
  // A URL is no value that goes to a thread.
  const where = file.startsWith("file:") ? new URL(file) : file;
  try {
    const drain = new TraceDrain(shared, clocks, open(eventsOf(where), { append: true }));
    tell("up");
    drain.untilEnd(isAlone);
    const summary = drain.end(() => finishTrace(where));
    // Not before it has left: who hears of it may begin the next trace, which has the same lock.
    if (summary !== undefined) tell(summary);
  } catch (failed) {
    tell({ failed });
  }
}
