import { assertEquals } from "@std/assert";
import {
  O_FIRST_QUEUE,
  O_SECOND_QUEUE,
  W_FIRED,
  W_SELECTION,
} from "../../../scheduler/arena/memory_layout.ts";
import {
  dequeue,
  enqueue,
  leaveQueue,
  LocalQueue,
  type Parked,
  unlink,
} from "../../../scheduler/sync/wait_queue.ts";

class Operation implements Parked {
  queue: LocalQueue<Parked> | undefined = undefined;
  next: Parked | undefined = undefined;
  previous: Parked | undefined = undefined;
  constructor(readonly name: string, readonly selection: Parked["selection"] = undefined) {}
}

function queueOf(...operations: Operation[]): LocalQueue<Operation> {
  const queue = new LocalQueue<Operation>();
  for (const operation of operations) queue.push(operation);
  return queue;
}

const namesIn = (queue: LocalQueue<Operation>) => [...queue].map(({ name }) => name).join("");
const [a, b, c, d] = "abcd";

Deno.test("whoever leaves a local queue, from its begin, middle or end, the others stay in order", () => {
  for (const leaving of [a, b, c]) {
    const operations = [a, b, c].map((name) => new Operation(name));
    const queue = queueOf(...operations);
    assertEquals(leaveQueue(operations["abc".indexOf(leaving)]), true);
    assertEquals(namesIn(queue), "abc".replace(leaving, ""));
    queue.push(new Operation(d));
    assertEquals(namesIn(queue), "abc".replace(leaving, "") + d);
  }
});

Deno.test("nobody leaves a local queue twice", () => {
  const operation = new Operation(a);
  const queue = queueOf(operation);
  assertEquals([leaveQueue(operation), leaveQueue(operation)], [true, false]);
  assertEquals([queue.first, queue.shift()], [undefined, undefined]);
});

Deno.test("a case of a select that cannot be claimed is passed over, and has left", () => {
  const lost = new Operation(a, { claim: () => false });
  const won = new Operation(b, { claim: () => true });
  const queue = queueOf(lost, won, new Operation(c));
  assertEquals(queue.shift(), won);
  assertEquals(leaveQueue(lost), false);
  assertEquals(namesIn(queue), "c");
});

/** An object and records behind it, in words of their own. */
const OBJECT = 16;
const record = (n: number) => 32 + 16 * n;

function drained(words: Int32Array, queue: number): number[] {
  const records: number[] = [];
  for (let next = dequeue(words, OBJECT, queue); next !== 0; next = dequeue(words, OBJECT, queue)) {
    records.push(next);
  }
  return records;
}

Deno.test("whoever is unlinked from a queue of the arena, the others stay in order", () => {
  for (const leaving of [0, 1, 2]) {
    const words = new Int32Array(new SharedArrayBuffer(1024));
    for (let n = 0; n < 3; n++) enqueue(words, OBJECT, O_FIRST_QUEUE, record(n));
    assertEquals(unlink(words, OBJECT, record(leaving)), true);
    assertEquals(unlink(words, OBJECT, record(leaving)), false);
    enqueue(words, OBJECT, O_FIRST_QUEUE, record(3));
    assertEquals(drained(words, O_FIRST_QUEUE), [0, 1, 2, 3].filter((n) => n !== leaving).map(record));
  }
});

Deno.test("the two queues of an object know nothing of each other", () => {
  const words = new Int32Array(new SharedArrayBuffer(1024));
  enqueue(words, OBJECT, O_FIRST_QUEUE, record(0));
  enqueue(words, OBJECT, O_SECOND_QUEUE, record(1));
  assertEquals([drained(words, O_SECOND_QUEUE), drained(words, O_FIRST_QUEUE)], [[record(1)], [record(0)]]);
});

Deno.test("of the cases of a select in the arena one is dequeued, and W_FIRED says so", () => {
  const words = new Int32Array(new SharedArrayBuffer(1024));
  for (const n of [0, 1]) {
    enqueue(words, OBJECT, O_FIRST_QUEUE, record(n));
    words[record(n) + W_SELECTION] = record(0);
  }
  enqueue(words, OBJECT, O_FIRST_QUEUE, record(2));
  assertEquals(drained(words, O_FIRST_QUEUE), [record(0), record(2)]);
  assertEquals(words[record(0) + W_FIRED], 1);
});
