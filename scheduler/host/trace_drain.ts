/**
 * Who empties the rings of all that are traced (tracing/tracer.ts), every few milliseconds, into the file of trace_chunks.ts: a
 * thread of its own, so that the host starts tasks meanwhile. On two busy CPUs it takes 2% of one at a million events a second,
 * where text made of the same events by the host took twice its time. It keeps nothing: while the file takes long, rings fill, and
 * what finds no room there is counted.
 *
 * A ring has one reader at a time. TRACE_LOCK says whether that is inside:
 *
 *   FREE     nobody reads. Left by CAS, by who will.
 *   INSIDE   somebody reads, and writes what that was. Left by a store of that one, who then wakes who sleeps on the word.
 *   OVER     the file is finished, and nobody reads any more.
 *
 * This thread enters for each turn, and at the end of the trace (TRACE_END) for the last one, after which it makes the file that
 * people read. If the process ends before, the host enters as it does, and does the same: it waits for a turn, or for that file. A turn that
 * throws is the last.
 */
import { cas, load, store } from "../arena/atomics.ts";
import { ISOLATES, TRACE_COUNTER, TRACE_END, TRACE_LOCK } from "../arena/layout/header.ts";
import { HOST, M_TID } from "../arena/layout/m.ts";
import type { Shared } from "../parking/shared.ts";
import { TaskTable } from "../slots/task_table.ts";
import { splitKey } from "../tasks/define.ts";
import { RingReader } from "../tracing/event_ring.ts";
import { type Clocks, ringOf } from "../tracing/tracer.ts";
import { ChunkWriter, LANE, type Moment, TASK } from "./trace_chunks.ts";

/** Milliseconds from one reading to the next: a thread's ring has room for two million events a second. Guess. */
export const EVERY = 8;

/** Nanoseconds between two looks at the kernel's clock, with one at the CPU's between them: 40 if nothing comes between. */
const CLOSE = 200;
const MOST_LOOKS = 16;

export const FREE = 0;
const INSIDE = 1;
export const OVER = 2;

/** What the thread is given. */
export interface DrainStart {
  /** `TraceOptions.file`. */
  readonly file: string;
}

type Arena = Pick<Shared, "arena" | "words" | "futex">;

export class TraceDrain {
  readonly #shared: Arena;
  readonly #clocks: Clocks;
  readonly #chunks: ChunkWriter;
  readonly #table: TaskTable;
  readonly #readers = new Map<number, RingReader>();
  /** What the file has: how many names of tasks, and by lane the thread. */
  #tasks = 0;
  readonly #tids = new Map<number, number>();

  constructor(shared: Arena, clocks: Clocks, file: Deno.FsFile) {
    this.#shared = shared;
    this.#clocks = clocks;
    this.#chunks = new ChunkWriter(file);
    // It only reads.
    this.#table = new TaskTable(shared.arena, HOST);
  }

  /** By the host, before there is another one: nobody reads. */
  begin(number: number, name: string): void {
    this.#chunks.begin(number, this.#moment(), this.#dropped(), name);
    this.#chunks.flush();
  }

  /** If nobody else is inside. */
  turn(): void {
    const { words } = this.#shared;
    if (!cas(words, TRACE_LOCK, FREE, INSIDE)) return;
    // A file with half a chunk is not gone on with.
    let next = OVER;
    try {
      this.#turn();
      next = FREE;
    } finally {
      this.#leave(next);
    }
  }

  /** Turns, until the trace is over, or the host's thread has ended without a word. */
  untilEnd(isAlone: () => boolean): void {
    const { words, futex } = this.#shared;
    while (load(words, TRACE_END) === 0 && !isAlone()) {
      this.turn();
      futex.sleep(TRACE_END, 0, EVERY * 1000);
    }
  }

  /** The last turn, and what follows, which it returns. Nobody enters any more. Undefined: somebody else has done it. */
  end<T>(finish: () => T): T | undefined {
    const { words, futex } = this.#shared;
    while (!cas(words, TRACE_LOCK, FREE, INSIDE)) {
      if (load(words, TRACE_LOCK) === OVER) return undefined;
      futex.sleep(TRACE_LOCK, INSIDE, -1);
    }
    try {
      this.#turn();
      return finish();
    } finally {
      this.#leave(OVER);
    }
  }

  #leave(state: number): void {
    store(this.#shared.words, TRACE_LOCK, state);
    this.#shared.futex.wake(TRACE_LOCK);
  }

  #turn(): void {
    for (const [lane, reader] of this.#lanes()) {
      this.#nameLane(lane);
      this.#chunks.events(lane, reader.most, (into, at) => reader.copy(into, at));
    }
    // After the events that have their numbers.
    for (const count = this.#table.count; this.#tasks < count; this.#tasks++) {
      this.#chunks.text(TASK, this.#tasks, splitKey(this.#table.key(this.#tasks))[1]);
    }
    this.#chunks.turn(this.#moment(), this.#dropped());
    this.#chunks.flush();
  }

  /** By lane: the isolate's number, or that of sysmon's meter. A thread has a ring when it has been traced. */
  #lanes(): Map<number, RingReader> {
    const { arena, words } = this.#shared;
    const used = load(words, ISOLATES);
    for (let number = 0; number <= used; number++) {
      const lane = number === used ? arena.sysmonMeter : number;
      if (this.#readers.has(lane)) continue;
      const at = ringOf(arena, lane);
      if (at !== 0) this.#readers.set(lane, new RingReader(words, at));
    }
    return this.#readers;
  }

  #nameLane(lane: number): void {
    const { arena, words } = this.#shared;
    const isThread = lane !== HOST && lane !== arena.sysmonMeter;
    const tid = isThread ? load(words, arena.isolate(lane) + M_TID) : 0;
    if (this.#tids.get(lane) === tid) return;
    this.#tids.set(lane, tid);
    this.#chunks.text(LANE, lane, isThread ? `thread ${tid}` : lane === HOST ? "host" : "sysmon");
  }

  /** If the thread loses its CPU between two clocks, they differ by that: the closest of several looks counts. */
  #moment(): Moment {
    const { nowNs, ticks } = this.#clocks;
    let moment = { ns: nowNs(), ticks: 0 };
    if (load(this.#shared.words, TRACE_COUNTER) === 0) return { ...moment, ticks: moment.ns };
    for (let looks = 0, closest = Infinity; looks < MOST_LOOKS && closest > CLOSE; looks++) {
      const before = nowNs();
      const now = ticks();
      const apart = nowNs() - before;
      if (apart >= closest) continue;
      closest = apart;
      moment = { ns: before + apart / 2, ticks: now };
    }
    return moment;
  }

  /** By all rings, modulo 2^32. */
  #dropped(): number {
    let sum = 0;
    for (const [, reader] of this.#lanes()) sum += reader.dropped;
    return sum | 0;
  }
}
