/** The ring of a thread that is traced: what the host reads of it is whole, in order, and all but what was counted as dropped. */
import {
  E_DURATION,
  EVENT_WORDS,
  RING_CAPACITY,
  RING_EVENTS,
  THREAD_EVENTS,
} from "../../../scheduler/arena/layout/ring.ts";
import { RingReader, RingWriter } from "../../../scheduler/tracing/event_ring.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { Pool } from "./machines.ts";

export const eventRing: Scenario = {
  name: "event ring: a writer that overtakes its reader",
  bound: 4,
  short: 3,
  setUp() {
    const { arena } = new Pool(1);
    const at = arena.heapAt >> 2;
    arena.i32[at + RING_CAPACITY] = THREAD_EVENTS;
    // About to wrap.
    const writer = new RingWriter(arena.i32, at);
    const reader = new RingReader(arena.i32, at);
    const kept: number[] = [];
    const read: number[] = [];
    const drain = (most = THREAD_EVENTS) => {
      for (const { kind, what, id, time, duration } of reader.read(most)) {
        check([what, id, time, duration].every((word) => word === kind), "an event is whole");
        read.push(kind);
      }
    };
    check(RING_EVENTS > E_DURATION && EVENT_WORDS > E_DURATION, "an event has its place");
    return {
      arena,
      threads: {
        writer() {
          for (let n = 1; n <= 5; n++) if (writer.write(n, n, n, n, n)) kept.push(n);
        },
        reader() {
          for (let i = 1; i <= 3; i++) drain(i);
        },
      },
      end() {
        drain();
        checkEqual(read, kept, "what was written, in order");
        checkEqual(kept.length + reader.dropped, 5, "the others were counted");
        check(kept.length >= THREAD_EVENTS, "what there is room for is there");
      },
    };
  },
};
