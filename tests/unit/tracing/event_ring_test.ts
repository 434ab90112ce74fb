import { assertEquals } from "@std/assert";
import {
  EVENT_WORDS,
  RING_CAPACITY,
  RING_EVENTS,
  RING_READ,
  RING_WRITTEN,
} from "../../../scheduler/arena/layout/ring.ts";
import { RingReader, RingWriter } from "../../../scheduler/tracing/event_ring.ts";

const CAPACITY = 8;
/** So that a place is not a number of an event by chance. */
const AT = 16;

function ringAt(position: number) {
  const words = new Int32Array(new SharedArrayBuffer(4 * (AT + RING_EVENTS + CAPACITY * EVENT_WORDS)));
  words[AT + RING_CAPACITY] = CAPACITY;
  words[AT + RING_WRITTEN] = words[AT + RING_READ] = position;
  return { words, writer: new RingWriter(words, AT), reader: new RingReader(words, AT) };
}

function readAll(reader: RingReader, most = Infinity): number[] {
  return reader.read(most).map(({ kind }) => kind);
}

for (
  const [where, position] of [["0", 0], ["where 31 bits wrap", 2 ** 31 - 3], ["where 32 do", -3]] as const
) {
  Deno.test(`a ring has room for as many events as it says, drops and counts the next, and goes on: from ${where}`, () => {
    const { writer, reader } = ringAt(position);
    for (let n = 1; n <= CAPACITY; n++) assertEquals(writer.write(n, 0, 0, 0, 0), true);
    assertEquals(writer.write(9, 0, 0, 0, 0), false);
    assertEquals(writer.write(10, 0, 0, 0, 0), false);
    assertEquals(reader.dropped, 2);
    assertEquals(readAll(reader, 3), [1, 2, 3]);
    assertEquals(writer.write(11, 0, 0, 0, 0), true);
    assertEquals(readAll(reader), [4, 5, 6, 7, 8, 11]);
    assertEquals(readAll(reader), []);
    assertEquals(reader.dropped, 2);
  });
}

Deno.test("numbers arrive as they were, also those beyond 32 bits", () => {
  const { writer, reader } = ringAt(0);
  const event = { kind: 3, what: -1, id: 2 ** 40 + 5, time: 2 ** 50 + 2 ** 31 + 1, duration: 2 ** 32 - 1 };
  writer.write(event.kind, event.what, event.id, event.time, event.duration);
  assertEquals(reader.read(1), [event]);
});

Deno.test("who writes next, as the thread before has ended, goes on where that was", () => {
  const { words, writer, reader } = ringAt(0);
  writer.write(1, 0, 0, 0, 0);
  new RingWriter(words, AT).write(2, 0, 0, 0, 0);
  assertEquals(readAll(reader), [1, 2]);
});
