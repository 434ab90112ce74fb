/**
 * The ring of a thread that is traced: what is read of it is whole, in order, and all but what was counted as dropped. And those who
 * read it for a file: what was written is there once, whoever of them finishes it.
 */
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { UNIT } from "../../../scheduler/arena/spans.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { ISOLATES, TRACING } from "../../../scheduler/arena/layout/header.ts";
import {
  EVENT_WORDS,
  RING_CAPACITY,
  RING_EVENTS,
  THREAD_EVENTS,
} from "../../../scheduler/arena/layout/ring.ts";
import { EVENTS } from "../../../scheduler/host/trace_chunks.ts";
import { TraceDrain } from "../../../scheduler/host/trace_drain.ts";
import { LaneReader } from "../../../scheduler/host/trace_events.ts";
import { RingReader, RingWriter } from "../../../scheduler/tracing/event_ring.ts";
import { FINISHED, Tracer } from "../../../scheduler/tracing/tracer.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { Pool, shim } from "./machines.ts";

export const eventRing: Scenario = {
  name: "event ring: a writer that overtakes its reader",
  bound: 4,
  short: 3,
  setUp() {
    const { arena } = new Pool(1);
    const at = arena.heapAt >> 2;
    arena.i32[at + RING_CAPACITY] = THREAD_EVENTS;
    const writer = new RingWriter(arena.i32, at);
    const reader = new RingReader(arena.i32, at);
    const kept: number[] = [];
    const read: number[] = [];
    const copied = new Int32Array(reader.most);
    const drain = () => {
      const count = reader.copy(copied, 0);
      for (let entry = 0; entry < count; entry += EVENT_WORDS) {
        const [head, ...rest] = copied.subarray(entry, entry + EVENT_WORDS);
        check(rest.every((word) => word === head), "an entry is whole");
        read.push(head);
      }
      check(read.every((n, index) => n >= 0 || read[index + 1] === -n), "an event is whole");
    };
    check(RING_EVENTS > EVENT_WORDS, "an entry has its place");
    return {
      arena,
      threads: {
        writer() {
          // Of one entry, and of two.
          for (let n = 1; n <= 5; n++) {
            const entries = n % 2 === 0 ? [-n, n] : [n];
            if (!writer.begin(entries.length)) continue;
            for (const word of entries) writer.put(word, word, word, word);
            writer.end();
            kept.push(...entries);
          }
        },
        reader() {
          for (let i = 0; i < 2; i++) drain();
        },
      },
      end() {
        drain();
        checkEqual(read, kept, "what was written, in order");
        checkEqual(kept.filter((n) => n > 0).length + reader.dropped, 5, "the others were counted");
        check(kept.length >= THREAD_EVENTS - 1, "what there is room for is there");
      },
    };
  },
};

/** The thread that collects, while the process ends. */
export const traceDrain: Scenario = {
  name: "trace: a thread that collects, and a host that finishes the file",
  bound: 3,
  short: 2,
  setUp() {
    // With room for a ring.
    const shared = new Shared(
      new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) + 2 * UNIT }),
      shim,
    );
    const { arena } = shared;
    arena.i32[ISOLATES] = 2;
    arena.i32[TRACING] = 1;
    let now = 0;
    const clocks = { nowNs: () => ++now, ticks: () => ++now };
    const tracer = Tracer.look(arena, 1, clocks, undefined)!;
    const file: number[] = [];
    const sink = {
      writeSync(bytes: Uint8Array) {
        file.push(...new Int32Array(bytes.slice().buffer));
        return bytes.length;
      },
    } as unknown as Deno.FsFile;
    const [ours, theirs] = [0, 1].map(() => new TraceDrain(shared, clocks, sink));
    let finished = 0;
    let length = 0;
    const finish = () => {
      finished++;
      length = file.length;
    };
    return {
      arena,
      threads: {
        traced() {
          for (let n = 1; n <= 2; n++) tracer.instant(FINISHED, 0, n);
        },
        collects() {
          theirs.turn();
          theirs.turn();
          theirs.end(finish);
        },
        host() {
          ours.end(finish);
        },
      },
      end() {
        checkEqual(finished, 1, "the file was finished once");
        checkEqual(file.length, length, "nobody wrote afterwards");
        const reader = new LaneReader(1, { ticks: 0, ns: 0 }, { ticks: 1, ns: 1 });
        const ids: number[] = [];
        for (let at = 0; at < file.length; at += 4 + file[at + 2]) {
          if (file[at] !== EVENTS) continue;
          for (const { id } of reader.read(Int32Array.from(file.slice(at + 4, at + 4 + file[at + 2])))) {
            ids.push(id);
          }
        }
        check(ids.every((id, index) => id === index + 1), `in order, each once: ${ids}`);
      },
    };
  },
};
