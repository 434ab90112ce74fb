import { assertEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { TRACE_COUNTER, TRACING } from "../../../scheduler/arena/layout/header.ts";
import { UNIT } from "../../../scheduler/arena/spans.ts";
import { LaneReader } from "../../../scheduler/host/trace_events.ts";
import { RingReader } from "../../../scheduler/tracing/event_ring.ts";
import { CALLED, FINISHED, RAN, REGION, ringOf, Tracer } from "../../../scheduler/tracing/tracer.ts";

const locks = { hold() {}, release() {} };

/** A thread that is traced: what it writes, and who reads that. Its counter has three units to a nanosecond. */
function traced() {
  const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) + 8 * UNIT });
  const clock = { ticks: 3e15 };
  const clocks = { nowNs: () => 1e9 + (clock.ticks - 3e15) / 3, ticks: () => clock.ticks };
  arena.i32[TRACING] = 1;
  arena.i32[TRACE_COUNTER] = 1;
  const look = (own?: Tracer) => Tracer.look(arena, 1, clocks, own)!;
  const tracer = look();
  const ring = new RingReader(arena.i32, ringOf(arena, 1));
  const to = { ticks: 3e15 + 3e9, ns: 2e9 };
  const reader = (trace: number) => new LaneReader(trace, { ticks: 3e15, ns: 1e9 }, to);
  const read = (from: LaneReader) => {
    const words = new Int32Array(ring.most);
    return from.read(words.slice(0, ring.copy(words, 0)));
  };
  return { arena, clock, tracer, look, reader, read };
}

Deno.test("numbers, times and durations arrive as they were, in nanoseconds, also those beyond 32 bits", () => {
  const { clock, tracer, reader, read } = traced();
  const lane = reader(1);
  clock.ticks += 300;
  tracer.instant(FINISHED, -1, 2 ** 40 + 5);
  tracer.begins();
  clock.ticks += 3 * 2 ** 33;
  tracer.ran(70_000, 2 ** 32 - 1);
  tracer.lasted(CALLED, 0, 0, 2 ** 35 + 7);
  tracer.instant(FINISHED, 3, 1);
  const end = 1e9 + 100 + 2 ** 33;
  const [first, ...rest] = read(lane).map((event) => ({ ...event, time: Math.round(event.time) }));
  assertEquals(first, { kind: FINISHED, what: -1, id: 2 ** 40 + 5, time: 1e9 + 100, duration: 0 });
  assertEquals(rest, [
    { kind: RAN, what: 70_000, id: 2 ** 32 - 1, time: 1e9 + 100, duration: 2 ** 33 },
    { kind: CALLED, what: 0, id: 0, time: end - 2 ** 35 - 7, duration: 2 ** 35 + 7 },
    { kind: FINISHED, what: 3, id: 1, time: end, duration: 0 },
  ]);
});

Deno.test("texts arrive as they were, up to a length, and once", () => {
  const { tracer, reader, read } = traced();
  const lane = reader(1);
  const texts = ["", "a", "sixteen bytes it", "Überlänge ".repeat(20), "x".repeat(5000)];
  for (const text of [...texts, ...texts]) tracer.region(text, 1, () => {}, locks);
  const told = read(lane).map(({ kind, what }) => kind === REGION && lane.text(what));
  const expected = texts.map((text) => text.slice(0, 1024));
  assertEquals(told, [...expected, ...expected]);
});

Deno.test("what belongs to another trace is passed over", () => {
  const { arena, tracer, look, reader, read } = traced();
  tracer.instant(FINISHED, 0, 1);
  arena.i32[TRACING] = 2;
  // Its thread has not looked yet.
  tracer.instant(FINISHED, 0, 2);
  look(tracer).instant(FINISHED, 0, 3);
  assertEquals(read(reader(2)).map(({ id }) => id), [3]);
});
