/** What was collected of a trace (trace_chunks.ts) becomes the file that people read (chrome_trace.ts). */
import { ChromeTrace } from "./chrome_trace.ts";
import {
  BEGIN,
  type Chunk,
  EVENTS,
  LANE,
  momentOf,
  readChunks,
  TASK,
  textOf,
  TURN,
  VERSION,
  writeAll,
} from "./trace_chunks.ts";
import { LaneReader, type TraceEvent } from "./trace_events.ts";

/** What was written. */
export interface TraceSummary {
  /** Events in the file. */
  events: number;
  /** Events that are missing: threads had more to say than could be written. */
  dropped: number;
}

/** Where the chunks of that file's trace are. */
export function eventsOf(file: string | URL): string | URL {
  if (typeof file === "string") return `${file}.events`;
  const events = new URL(file);
  events.pathname += ".events";
  return events;
}

/**
 * Makes the file of a trace whose process could not: one that was killed, or crashed. {@linkcode Scheduler.trace} and
 * `HEDDLE_TRACE=FILE` collect what happens in `FILE.events`, which becomes `FILE` as the trace or the process ends, and goes then.
 * If it is there, this does the rest, and does it on the thread that calls.
 *
 * Throws what reading and writing throw (`Deno.errors.NotFound`: there is no such trace), and an `Error` if that is no trace, or one
 * of another version of Heddle.
 *
 * ```ts ignore
 * import { finishTrace } from "@heddle/heddle";
 *
 * const { events, dropped } = finishTrace("trace.json");
 * ```
 */
export function finishTrace(file: string | URL): TraceSummary {
  const collected = Deno.openSync(eventsOf(file));
  let summary: TraceSummary;
  try {
    const written = Deno.openSync(file, { write: true, create: true, truncate: true });
    try {
      summary = convert(collected, (text) => writeAll(written, new TextEncoder().encode(text)));
    } finally {
      written.close();
    }
  } finally {
    collected.close();
  }
  Deno.removeSync(eventsOf(file));
  return summary;
}

function convert(collected: Deno.FsFile, write: (text: string) => void): TraceSummary {
  const [begin, last] = ends(collected);
  const from = momentOf(begin, 2);
  const to = momentOf(last, 0);
  const summary = { events: 0, dropped: (last.words[4] - begin.words[1]) >>> 0 };
  const tasks: string[] = [];
  const readers = new Map<number, LaneReader>();
  const chrome = new ChromeTrace(from.ns, {
    task: (definition) => tasks[definition] ?? `task ${definition}`,
    text: (lane, number) => readers.get(lane)!.text(number),
  });
  write(chrome.begin(textOf(begin) || "Heddle"));
  let turn: [number, TraceEvent[]][] = [];
  for (const chunk of readChunks(collected, () => true)) {
    const { kind, which, words } = chunk;
    if (kind === TASK) tasks[which] = textOf(chunk);
    if (kind === LANE) write(chrome.lane(which, textOf(chunk)));
    if (kind === EVENTS) {
      const reader = readers.get(which) ?? new LaneReader(begin.which, from, to);
      readers.set(which, reader);
      turn.push([which, reader.read(words)]);
    }
    if (kind !== TURN) continue;
    for (const [, events] of turn) summary.events += events.length;
    write(chrome.events(turn));
    turn = [];
  }
  write(`${chrome.end(summary, to.ns)}\n]\n`);
  return summary;
}

/** The first chunk, and the last one that says the time. */
function ends(collected: Deno.FsFile): [begin: Chunk, last: Chunk] {
  let begin: Chunk | undefined;
  let last: Chunk | undefined;
  for (const chunk of readChunks(collected, (kind) => kind === BEGIN || kind === TURN)) {
    if (chunk.kind === BEGIN) begin = chunk;
    if (chunk.kind === TURN) last = chunk;
  }
  if (begin?.words[0] !== VERSION) {
    throw new Error("finishTrace: that is no trace of this version of Heddle.");
  }
  // It was killed before the first turn.
  return [begin, last ?? { ...begin, words: Int32Array.of(...begin.words.slice(2, 6), begin.words[1], 0) }];
}
