/** Tasks that yield many results. */
import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import {
  parallelMap,
  pipeline,
  Scheduler,
  SchedulerClosedError,
  TaskTimeoutError,
  ThreadDiedError,
} from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { breakDates } from "../tasks/unreadable.ts";
import {
  dates,
  givesBytes,
  inScope,
  numbers,
  reads,
  readsElsewhere,
  readsOn,
  slowly,
  thenEnds,
} from "../tasks/yielding.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

/** How far a task is, and whether it was left. */
class Told {
  readonly buffer = new SharedArrayBuffer(8);
  readonly #words = new Int32Array(this.buffer);

  get at(): number {
    return Atomics.load(this.#words, 0);
  }

  get isLeft(): boolean {
    return Atomics.load(this.#words, 1) === 1;
  }
}

const told = (reason: unknown) => String(reason);

Deno.test("what a generator yields comes in its order, from plain ones and async ones, on the host and in tasks", async () => {
  const all = Array.from({ length: 100 }, (_, i) => i + 1);
  const { buffer } = new Told();
  // Typed as it is.
  const first: number[] = await soon(Array.fromAsync(sched.go(numbers(100, buffer))), "a plain one");
  assertEquals(first, all);
  const unbuffered = sched.go(slowly(100, buffer), { window: 0 });
  assertEquals(await soon(Array.fromAsync(unbuffered), "an async one"), all);
  assertEquals(unbuffered.state, "done");
  assertEquals(await soon(sched.go(reads(100, 1000, buffer)), "one of a child"), all);
  assertEquals(await soon(sched.go(readsElsewhere(100, 1000, buffer)), "one of a child elsewhere"), all);
  assertEquals(await Array.fromAsync(numbers.fn(undefined as never, 2, buffer)), [1, 2]);
});

Deno.test("a task is ahead of its reader by the window, and waits there", async () => {
  for (const [options, window] of [[undefined, 16], [{ window: 3 }, 3]] as const) {
    const it = new Told();
    const stream = sched.go(slowly(1000, it.buffer), options);
    await until(() => it.at === window + 1, "one more than there is room for");
    let seen = 0;
    for await (const n of stream) {
      assertEquals(n, ++seen);
      // One has just been taken out, and one is in the task's hand.
      assertLess(it.at, seen + window + 2);
    }
    assertEquals([seen, it.isLeft], [1000, true]);
  }
});

Deno.test("bytes that a task yields and gives up are gone there", async () => {
  for (const length of [10, 1 << 20]) {
    const [bytes, left] = await soon(Array.fromAsync(sched.go(givesBytes(length))), "both");
    assertEquals([(bytes as Uint8Array).length, (bytes as Uint8Array).at(-1), left], [length, 7, 0]);
  }
});

Deno.test("leaving the loop ends a task that waits for its reader, and its finally runs", async () => {
  const it = new Told();
  const stream = sched.go(numbers(1000, it.buffer));
  for await (const n of stream) {
    if (n === 1) await until(() => it.at > 16, "it waits");
    if (n === 2) break;
  }
  assertEquals(stream.state, "cancelled");
  await until(() => it.isLeft, "it is left");
  const other = new Told();
  assertEquals(await soon(sched.go(reads(1000, 3, other.buffer)), "a task that leaves"), [1, 2, 3]);
  await until(() => other.isLeft, "its child is left");
  assertLess(other.at, 9);
});

Deno.test("what a task throws comes after what it has yielded, and once", async () => {
  const iterator = sched.go(thenEnds(2, "throws"))[Symbol.asyncIterator]();
  const [first, second] = [await iterator.next(), await iterator.next()];
  assertEquals([first.value, second.value], [{ i: 0, of: [0] }, { i: 1, of: [1] }]);
  const error = await assertRejects(() => soon(iterator.next(), "its end"), RangeError, "no more of them");
  assertEquals(error.cause, 2);
  assertEquals(await iterator.next(), { value: undefined, done: true });
  const refused = sched.go(thenEnds(1, "yields what cannot be copied"));
  const refusal = await assertRejects(
    () => soon(Array.fromAsync(refused), "another one's end"),
    DOMException,
  );
  assertEquals(refusal.name, "DataCloneError");
});

Deno.test("a reader that waits hears of a cancellation, of a signal and of a deadline, and of nothing that waits", async () => {
  const controller = new AbortController();
  const streams = [
    sched.go(thenEnds(0, "waits")),
    sched.go(thenEnds(0, "waits"), { signal: controller.signal }),
    sched.go(thenEnds(0, "waits"), { timeout: 1 }),
    sched.go(thenEnds(3, "waits")),
  ];
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  await soon(iterators[3].next(), "the first of three");
  const waits = iterators.slice(0, 3).map((each) => each.next().catch((reason) => reason));
  streams[0].cancel("not this");
  controller.abort("nor that");
  streams[3].cancel("nor what is there");
  const [cancelled, aborted, late] = await soon(Promise.all(waits), "all that wait");
  assertEquals([cancelled, aborted], ["not this", "nor that"]);
  assert(late instanceof TaskTimeoutError);
  assertEquals(await iterators[3].next().catch(told), "nor what is there");
  const reader = sched.go(readsOn());
  await until(() => reader.state === "running", "a task reads");
  reader.cancel("nor here");
  assertEquals(await soon(reader.catch(told), "the task"), "nor here");
});

Deno.test("what cannot be read where it arrives ends the loop, and the task", async () => {
  const stream = sched.go(dates());
  await until(() => stream.state === "running", "it yields");
  breakDates(true);
  try {
    const next = stream[Symbol.asyncIterator]().next();
    await assertRejects(() => soon(next, "the first date"), RangeError, "no dates here");
  } finally {
    breakDates(false);
  }
  assertEquals(stream.state, "cancelled");
});

Deno.test("a return() ends a next() that is on its way", async () => {
  const iterator = sched.go(thenEnds(0, "waits"))[Symbol.asyncIterator]();
  const next = iterator.next();
  const over = { value: undefined, done: true };
  assertEquals(await soon(iterator.return!(), "the return"), over);
  assertEquals(await soon(next, "the next"), over);
});

Deno.test("a reader hears of the death of the task's thread, after what was yielded before", async () => {
  const seen: unknown[] = [];
  const read = async () => {
    for await (const { i } of sched.go(thenEnds(3, "dies"))) seen.push(i);
  };
  await assertRejects(() => soon(read(), "the end"), ThreadDiedError);
  assertEquals(seen, [0, 1, 2]);
});

Deno.test("a reader that waits hears that the scheduler is closed, and so does one that comes later", async () => {
  const other = await Scheduler.start({ procs: 1 });
  const [waits, later] = [other.go(thenEnds(1, "waits")), other.go(thenEnds(1, "waits"))];
  const iterator = waits[Symbol.asyncIterator]();
  assertEquals((await soon(iterator.next(), "the first")).done, false);
  const next = assertRejects(() => soon(iterator.next(), "one that waits"), SchedulerClosedError);
  await other.close();
  await next;
  await assertRejects(() => soon(Array.fromAsync(later), "one that comes later"), SchedulerClosedError);
  assertThrows(() => other.go(thenEnds(1, "waits")), SchedulerClosedError);
});

Deno.test("what takes a task with one result refuses one that yields many, and says what would do", async () => {
  const call = thenEnds(1, "throws");
  const wanted = "thenEnds yields many results, and here one is wanted: iterate over go(thenEnds(…)).";
  assertThrows(() => sched.dedicate(call as never), TypeError, wanted);
  await assertRejects(() => soon(sched.go(inScope()), "a scope"), TypeError, wanted);
  const mapped = parallelMap(sched, [1], thenEnds as never);
  await assertRejects(() => soon(Array.fromAsync(mapped), "parallelMap"), TypeError, wanted);
  assertThrows(
    () => pipeline(sched, [1], [thenEnds as never]),
    TypeError,
    "thenEnds yields many results, and here a task with one",
  );
  // deno-lint-ignore no-explicit-any -- what no TypeScript would pass
  await assertRejects(async () => await (call as any), TypeError, "iterate over go(thenEnds(…))");
  assertThrows(
    () => sched.go(call, { window: -1 }),
    RangeError,
    "go: window is -1: give an integer from 0 to 65000",
  );
  assertThrows(() => sched.go(call, { windows: 1 } as never), TypeError, 'did you mean "window"?');
});
