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

/** Of so many entries, which begin with that. Whether there was room. */
function write(writer: RingWriter, head: number, entries = 1): boolean {
  if (!writer.begin(entries)) return false;
  for (let entry = 0; entry < entries; entry++) writer.put(head, -1, 2 ** 31 - 1, entry);
  writer.end();
  return true;
}

function readAll(reader: RingReader): number[] {
  const into = new Int32Array(1 + reader.most).fill(7);
  const words = into.subarray(1, 1 + reader.copy(into, 1));
  assertEquals(into[0], 7);
  return [...words.filter((_, at) => at % EVENT_WORDS === 0)];
}

for (
  const [where, position] of [["0", 0], ["where 31 bits wrap", 2 ** 31 - 3], ["where 32 do", -3]] as const
) {
  Deno.test(`a ring has room for as many entries as it says, drops and counts the next event, and goes on: from ${where}`, () => {
    const { writer, reader } = ringAt(position);
    for (let n = 1; n < CAPACITY; n++) assertEquals(write(writer, n), true);
    // It has two.
    assertEquals(write(writer, 8, 2), false);
    assertEquals(write(writer, 9), true);
    assertEquals(write(writer, 10), false);
    assertEquals(reader.dropped, 2);
    assertEquals(readAll(reader), [1, 2, 3, 4, 5, 6, 7, 9]);
    assertEquals(write(writer, 11, 2), true);
    assertEquals(readAll(reader), [11, 11]);
    assertEquals(readAll(reader), []);
    assertEquals(reader.dropped, 2);
  });
}

Deno.test("words arrive as they were", () => {
  const { writer, reader } = ringAt(0);
  write(writer, -5, 2);
  const into = new Int32Array(reader.most);
  assertEquals(reader.copy(into, 0), 2 * EVENT_WORDS);
  assertEquals([...into.subarray(0, 2 * EVENT_WORDS)], [-5, -1, 2 ** 31 - 1, 0, -5, -1, 2 ** 31 - 1, 1]);
});

Deno.test("who writes next, as the thread before has ended, goes on where that was, without its half event", () => {
  const { words, writer, reader } = ringAt(0);
  write(writer, 1);
  writer.begin(1);
  writer.put(9, 9, 9, 9);
  write(new RingWriter(words, AT), 2);
  assertEquals(readAll(reader), [1, 2]);
});
