import { isolateOf } from "../../scheduler/sync/isolate.ts";
import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { Channel, type Home, pipeline, Scheduler } from "@heddle/heddle";
import { HOME } from "../../scheduler/tasks/home.ts";
import { soon, until } from "../support/deadline.ts";
import { adds, failsAtThree } from "../tasks/mapping.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

Deno.test("values go through all stages, in order if each has one task", async () => {
  const out = Array.fromAsync(pipeline<number>(sched, numbers(1000), [adds, adds, adds]));
  assertEquals(await soon(out, "the end"), numbers(1000).map((n) => n + 3));
  assertEquals(await soon(Array.fromAsync(pipeline<number>(sched, numbers(3), [])), "no stage"), [0, 1, 2]);
});

Deno.test("a stage of several tasks passes each value on once", async () => {
  const out = Array.fromAsync(pipeline<number>(sched, numbers(1000), [adds, { stage: adds, tasks: 4 }]));
  assertEquals((await soon(out, "the end")).toSorted((a, b) => a - b), numbers(1000).map((n) => n + 2));
});

Deno.test("a pipeline takes from a ReadableStream and writes to a WritableStream", async () => {
  const written: number[] = [];
  let closed = false;
  const writable = new WritableStream<number>({
    write: (n) => void written.push(n),
    close: () => void (closed = true),
  });
  await soon(pipeline<number>(sched, ReadableStream.from(numbers(100)), [adds]).pipeTo(writable), "the end");
  assertEquals([written, closed], [numbers(100).map((n) => n + 1), true]);
  const readable = pipeline<number>(sched, numbers(3), [adds]).readable();
  assertEquals(await Array.fromAsync(readable), [1, 2, 3]);
});

Deno.test("a slow consumer holds up the source", async () => {
  let pulled = 0;
  function* source() {
    for (;;) yield pulled++;
  }
  let taken = 0;
  for await (const _ of pipeline<number>(sched, source(), [adds, adds], { capacity: 2 })) {
    if (++taken === 5) await new Promise((resolve) => setTimeout(resolve, 30));
    // Three channels, two stages that each hold one, and the one in the source's hand.
    assertLess(pulled - taken, 3 * 2 + 2 + 2);
    if (taken === 20) break;
  }
});

Deno.test("a failure of a stage or of the source is thrown, and ends everything else", async () => {
  let closed = 0;
  function* source(error?: Error) {
    try {
      for (let n = 0;; n++) {
        if (n === 5 && error) throw error;
        yield n;
      }
    } finally {
      closed++;
    }
  }
  const failing = Array.fromAsync(pipeline(sched, source(), [adds, failsAtThree, adds]));
  await soon(assertRejects(() => failing, RangeError, "three"), "the stage's failure");
  await until(() => closed === 1, "the source is closed");
  const failed = Array.fromAsync(pipeline(sched, source(new URIError("source")), [adds]));
  await soon(assertRejects(() => failed, URIError, "source"), "the source's failure");

  const controller = new AbortController();
  const aborted = Array.fromAsync(pipeline(sched, source(), [adds], { signal: controller.signal }));
  controller.abort(new Error("enough"));
  await soon(assertRejects(() => aborted, Error, "enough"), "the abort");
  await until(() => closed === 3, "that source is closed too");
});

Deno.test("leaving the loop early ends the stages and closes the source", async () => {
  let closed = false;
  async function* source() {
    try {
      for (let n = 0;; n++) yield n;
    } finally {
      closed = true;
    }
  }
  for await (const _ of pipeline<number>(sched, source(), [adds, adds])) break;
  await until(() => closed, "the source is closed");
  await until(() => sched.stats().inFlight === 0, "no stage is left");
  assert(closed);
});

Deno.test("a pipeline with anything wrong starts nothing", async () => {
  const stream = ReadableStream.from([1]);
  const wrong: [string, Parameters<typeof pipeline>[1], unknown, object?][] = [
    ["undefined is not a task", stream, [adds, undefined]],
    ["5 is not a task", stream, [adds, 5]],
    ["undefined is not a task", stream, [adds, {}]],
    ["(anonymous) is not a task", stream, [adds, () => {}]],
    ["tasks is 0", stream, [adds, { stage: adds, tasks: 0 }]],
    ["tasks is 1.5", stream, [adds, { stage: adds, tasks: 1.5 }]],
    ["-1", stream, [adds, adds], { capacity: -1 }],
    ["iterate over", 5 as never, [adds, adds]],
    ["iterate over", null as never, [adds, adds]],
    ["AbortSignal", stream, [adds, adds], { signal: new AbortController() }],
  ];
  for (const [message, source, stages, options] of wrong) {
    assertThrows(() => pipeline(sched, source, stages as never, options), Error, message);
    assertEquals([sched.stats().inFlight, stream.locked], [0, false], message);
  }
  // What goes wrong later ends what has started.
  let starts = 0;
  const home = {
    get [HOME]() {
      return isolateOf(sched, "a test");
    },
    go(call: Parameters<Scheduler["go"]>[0]) {
      if (++starts === 2) throw new URIError("the second start");
      return sched.go(call);
    },
  } as unknown as Home;
  assertThrows(() => pipeline(home, stream, [adds, adds]), URIError, "the second start");
  await until(() => sched.stats().inFlight === 0, "the first stage is cancelled");
  assertEquals([starts, stream.locked, (await stream.getReader().read()).done], [2, false, true]);
});

Deno.test("a source is closed although its next item never comes, and what closing says counts for nothing", async () => {
  let cancelled = 0;
  const stream = () =>
    new ReadableStream<number>({
      start: (controller) => controller.enqueue(1),
      cancel: () => {
        cancelled++;
        throw new URIError("cancelling");
      },
    });
  for await (const n of pipeline<number>(sched, stream(), [adds])) {
    assertEquals(n, 2);
    break;
  }
  assertEquals(cancelled, 1);
  const failing = Array.fromAsync(pipeline(sched, stream(), [adds, adds, failsAtThree]));
  await soon(assertRejects(() => failing, RangeError, "three"), "the failure");
  assertEquals(cancelled, 2);
  const channel = new Channel<number>(sched);
  const line = pipeline<number>(sched, channel, [adds]);
  await channel.send(1);
  for await (const n of line) {
    assertEquals(n, 2);
    break;
  }
  assertEquals(channel.trySend(2), false, "nobody receives there any more");

  let closed = 0;
  const source = {
    [Symbol.iterator]: () => ({
      next: () => ({ value: closed === 0 ? Promise.resolve(3) : undefined, done: false }),
      return() {
        closed++;
        throw new URIError("closing");
      },
    }),
  };
  const thrown = Array.fromAsync(pipeline(sched, source as never, [failsAtThree]));
  await soon(assertRejects(() => thrown, RangeError, "three"), "the stage's failure");
  assertEquals(closed, 1);
  const uncloneable = Array.fromAsync(pipeline(sched, [1, () => 1], [adds]));
  await soon(
    assertRejects(() => uncloneable, DOMException, "cannot be cloned"),
    "an item that cannot be sent",
  );
});

Deno.test("bad arguments are refused at the call", () => {
  assertThrows(() => pipeline(sched, [], [{ stage: adds, tasks: 0 }]), RangeError, "tasks is 0");
  assertThrows(() => pipeline(sched, [], 5 as never), TypeError, "array of stages");
  assertThrows(() => pipeline(sched, [], [adds], { capacity: -1 }), RangeError, "-1");
});

Deno.test("the stages of a pipeline that was left end, and their slots are free again", async () => {
  await using small = await Scheduler.start({ procs: 1, maxTasks: 2 });
  for (let i = 0; i < 4; i++) {
    const line = pipeline<number>(small, numbers(1000), [adds, adds], { capacity: 1 });
    for await (const n of line) {
      assertEquals(n, 2);
      break;
    }
    await until(() => small.stats().inFlight === 0, "the stages are cancelled");
  }
  const line = pipeline<number>(small, numbers(3), [adds]);
  assertEquals(await soon(Array.fromAsync(line), "one more"), [1, 2, 3]);
});
