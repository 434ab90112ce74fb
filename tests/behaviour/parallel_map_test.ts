import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import {
  Channel,
  failedItem,
  parallelMap,
  Scheduler,
  TaskTimeoutError,
  ThreadDiedError,
} from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { addsTo, countsItself, firstWaits, mapsInside, slowSquare } from "../tasks/mapping.ts";
import { exitOfNode } from "../tasks/dying.ts";
import { sleeps } from "../tasks/growing.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

Deno.test("results come in the order of the items, or as they are ready", async () => {
  const items = [0, 1, 2, 3, 4, 5, 6, 7];
  const squares = items.map((n) => n * n);
  assertEquals(await soon(Array.fromAsync(parallelMap(sched, items, slowSquare)), "in order"), squares);
  const options = { ordered: false, concurrency: 8 };
  const any = await soon(Array.fromAsync(parallelMap(sched, items, slowSquare, options)), "in any order");
  assertEquals(any.toSorted((a, b) => a - b), squares);
  assert(any[0] !== 0, "the slowest came first");
});

Deno.test("no more than concurrency are under way, whatever the consumer has not taken among them", async () => {
  for (const ordered of [true, false]) {
    const shared = new SharedArrayBuffer(8);
    let pulled = 0;
    const source = async function* (): AsyncGenerator<[number, SharedArrayBuffer]> {
      for (; pulled < 100; pulled++) yield [pulled + 100, shared];
    };
    let taken = 0;
    for await (const _ of parallelMap(sched, source(), countsItself, { concurrency: 4, ordered })) {
      taken++;
      if (!ordered) assertLess(pulled - taken, 5);
      if (taken !== 10) continue;
      const before = pulled;
      await until(() => new Int32Array(shared)[0] === 0, "all that are under way have ended");
      await new Promise((resolve) => setTimeout(resolve, 10));
      assertEquals(pulled, before);
    }
    assertEquals([taken, pulled], [100, 100]);
    assert(new Int32Array(shared)[1] <= 4);
  }
});

Deno.test("a task that takes long holds up no thread: later items have their turn, up to 64 times concurrency", async () => {
  const concurrency = 2;
  const gate = new Channel<never>(sched);
  let pulled = 0;
  const source = function* (): Generator<[number, Channel<never>]> {
    for (; pulled < 300; pulled++) yield [pulled, gate];
  };
  let done = 0;
  const options = { concurrency, onProgress: (count: number) => void (done = count) };
  const mapped = Array.fromAsync(parallelMap(sched, source(), firstWaits, options));
  await until(() => done === 64 * concurrency - 1, "all but the first have ended");
  // The source stands at the next one's yield.
  assertEquals(pulled, 64 * concurrency - 1);
  gate.close();
  assertEquals(await soon(mapped, "the rest"), Array.from({ length: 300 }, (_, n) => n));
});

Deno.test("the first failure is thrown, cancels the rest and closes the source", async () => {
  for (const ordered of [true, false]) {
    const shared = new SharedArrayBuffer(8);
    let closed = false;
    const source = function* (): Generator<[number, SharedArrayBuffer]> {
      try {
        for (let n = 0;; n++) yield [n, shared];
      } finally {
        closed = true;
      }
    };
    const mapped = Array.fromAsync(parallelMap(sched, source(), countsItself, { concurrency: 6, ordered }));
    await soon(assertRejects(() => mapped, RangeError, "thirteen"), "the failure");
    assert(closed);
    await until(() => new Int32Array(shared)[0] === 0, "nothing runs any more");
  }
});

Deno.test("leaving the loop closes the source, and a signal ends the iteration with its reason", async () => {
  let closed = 0;
  async function* source() {
    try {
      for (let n = 0;; n++) yield n;
    } finally {
      closed++;
    }
  }
  for await (const _ of parallelMap(sched, source(), slowSquare)) break;
  assertEquals(closed, 1);
  const controller = new AbortController();
  const mapped = (async () => {
    let count = 0;
    for await (const _ of parallelMap(sched, source(), slowSquare, { signal: controller.signal })) {
      if (++count === 5) controller.abort(new Error("enough"));
    }
  })();
  await soon(assertRejects(() => mapped, Error, "enough"), "the abort");
  assertEquals(closed, 2);
});

Deno.test("a function makes the call from an item and its index, and a task gets the item alone", async () => {
  const items = [10, 20, 30];
  const sums = parallelMap(sched, items, (n, index) => addsTo(n, index + 1));
  assertEquals(await soon(Array.fromAsync(sums), "the sums"), [11, 22, 33]);
  assertEquals(await soon(Array.fromAsync(parallelMap(sched, items, addsTo)), "without the index"), [
    110,
    120,
    130,
  ]);
  const throwing = parallelMap(sched, items, (n) => {
    throw new RangeError(`no call for ${n}`);
  });
  await soon(assertRejects(() => Array.fromAsync(throwing), RangeError, "no call for 10"), "the failure");
  // deno-lint-ignore no-explicit-any -- what no TypeScript would pass
  for (const wrong of [undefined, 5, {}] as any[]) {
    assertThrows(() => parallelMap(sched, items, wrong), TypeError, "is no task, and no function");
  }
  // deno-lint-ignore no-explicit-any -- the same
  const noCalls = parallelMap(sched, items, ((n: number) => n) as any);
  await soon(assertRejects(() => Array.fromAsync(noCalls), TypeError), "what is no call");
});

Deno.test("an error that is thrown belongs to an item, and settled ones are results", async () => {
  const shared = new SharedArrayBuffer(8);
  const items: [number, SharedArrayBuffer][] = [11, 12, 13, 14].map((n) => [n, shared]);
  for (const ordered of [true, false]) {
    const error = await soon(
      assertRejects(() => Array.fromAsync(parallelMap(sched, items, countsItself, { ordered })), RangeError),
      "the failure",
    );
    assertEquals(failedItem(error), { item: items[2], index: 2 });
    const all = await soon(
      Array.fromAsync(parallelMap(sched, items, countsItself, { ordered, settle: true })),
      "all of them",
    );
    const byIndex = all.toSorted((a, b) => a.index - b.index);
    assertEquals(byIndex.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    assertEquals(byIndex.map(({ item }) => item[0]), [11, 12, 13, 14]);
    const [first, , third] = byIndex;
    assert(first.status === "fulfilled" && first.value === 11);
    assert(third.status === "rejected" && third.reason instanceof RangeError);
  }
  assertEquals([failedItem(new Error()), failedItem("none"), failedItem(undefined)], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("an item whose thread dies is one that fails: settled ones go on, and the others are cancelled", async () => {
  const call = (n: number) => n === 2 ? exitOfNode() : slowSquare(n);
  const all = await soon(
    Array.fromAsync(parallelMap(sched, [1, 2, 3, 4], call, { settle: true, concurrency: 1 })),
    "all",
  );
  assertEquals(all.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  assert(all[1].status === "rejected" && all[1].reason instanceof ThreadDiedError);
  // One at a time: others may be on the thread that dies.
  const failing = Array.fromAsync(parallelMap(sched, [1, 2, 3], call, { concurrency: 1 }));
  const error = await assertRejects(() => soon(failing, "the failure"), ThreadDiedError);
  assertEquals(failedItem(error), { item: 2, index: 1 });
});

Deno.test("each item has its time, and with settled ones a signal still ends the iteration", async () => {
  const late = parallelMap(sched, [1, 600_000, 2], sleeps, { timeout: 500, settle: true });
  const results = await soon(Array.fromAsync(late), "all of them");
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert(results[1].status === "rejected" && results[1].reason instanceof TaskTimeoutError);
  assertThrows(() => parallelMap(sched, [], sleeps, { timeout: -1 }), RangeError, "timeout is -1");
  const controller = new AbortController();
  const aborted = parallelMap(sched, [600_000, 600_000], sleeps, { signal: controller.signal, settle: true });
  const ended = assertRejects(() => Array.fromAsync(aborted), Error, "enough");
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await soon(ended, "the abort");
});

Deno.test("progress is told for each task that has ended, and what onProgress throws ends the iteration", async () => {
  const told: [number, number | undefined][] = [];
  const onProgress = (done: number, total: number | undefined) => void told.push([done, total]);
  const items = [1, 2, 3];
  for (const source of [items, new Set(items), items.values()]) {
    await soon(Array.fromAsync(parallelMap(sched, source, slowSquare, { onProgress })), "all of them");
  }
  const with3 = [[1, 3], [2, 3], [3, 3]];
  assertEquals(told, [...with3, ...with3, [1, undefined], [2, undefined], [3, undefined]]);
  const throwing = parallelMap(sched, items, slowSquare, {
    onProgress: () => {
      throw new URIError("the bar is broken");
    },
  });
  await soon(assertRejects(() => Array.fromAsync(throwing), URIError, "the bar is broken"), "the failure");
  assertThrows(
    () => parallelMap(sched, [], slowSquare, { onProgress: 5 as never }),
    TypeError,
    "onProgress is 5",
  );
});

Deno.test("a task maps over its own children", async () => {
  assertEquals(await soon(sched.go(mapsInside(100)), "the sum"), 328_350);
});

/** A promise that is none. */
function thenable<T>(value: T, rejects = false): PromiseLike<T> {
  return {
    then: (resolve: (value: T) => void, reject: (value: T) => void) => (rejects ? reject : resolve)(value),
  } as never;
}

/** An iterator's next(), which gives these and then is done. */
function giving(results: unknown[], done: unknown): () => unknown {
  const left = [...results];
  return () => left.shift() ?? done;
}

Deno.test("items are taken as for await takes them", async () => {
  const items = [1, 2, 3];
  const over = { value: undefined, done: true };
  const results = items.map((value) => ({ value, done: false }));
  const sources: Record<string, () => Iterable<number> | AsyncIterable<number>> = {
    "an array": () => items,
    "a generator": () => items.values(),
    "promises": () => items.map((n) => Promise.resolve(n)) as never,
    "thenables": () => items.map((n) => thenable(n)) as never,
    "some promises": () => [1, Promise.resolve(2), thenable(3)] as never,
    "an async generator": async function* () {
      yield* items;
    },
    "an async iterator with thenables of its own": () => ({
      [Symbol.asyncIterator]: () =>
        ({ next: giving(results.map((r) => thenable(r)), thenable(over)) }) as never,
    }),
    "an async iterator without promises": () => ({
      [Symbol.asyncIterator]: () => ({ next: giving(results, over as never) }) as never,
    }),
    "an iterator without a done": () => ({
      [Symbol.iterator]: () => ({ next: giving(items.map((value) => ({ value })), over as never) }) as never,
    }),
    "a stream": () => ReadableStream.from(items),
    "a channel": () => {
      const channel = new Channel<number>(sched, 3);
      for (const n of items) channel.trySend(n);
      channel.close();
      return channel;
    },
  };
  for (const [name, source] of Object.entries(sources)) {
    for (const ordered of [true, false]) {
      const seen: number[] = [];
      const mapping = (async () => {
        for await (const n of parallelMap(sched, source(), slowSquare, { ordered })) {
          if (seen.push(n) > 3) break;
        }
      })();
      await soon(mapping, name);
      assertEquals(seen.toSorted((a, b) => a - b), [1, 4, 9], name);
    }
  }
});

Deno.test("the first failure is what is thrown, and a source is closed once unless it is over", async () => {
  let closed = 0;
  const closing = (result: () => unknown) => () => {
    closed++;
    return result();
  };
  const fine = () => ({ value: undefined, done: true });
  const throws = (message: string) => () => {
    throw new URIError(message);
  };
  const rejects = (message: string) => () => Promise.reject(new URIError(message));
  const shared = new SharedArrayBuffer(8);
  const failing = () => ({ value: [13, shared], done: false });
  const oneThenOwn = (own: () => unknown) => {
    let n = 0;
    return () => n++ === 0 ? { value: [100, shared], done: false } : own();
  };
  // The source's next() and return(), what is thrown, and how often it is closed.
  const cases: [string, "plain" | "async", () => unknown, unknown, string, number][] = [
    ["a task fails, closing throws", "plain", failing, closing(throws("closing")), "thirteen", 1],
    ["a task fails, closing throws", "async", failing, closing(throws("closing")), "thirteen", 1],
    ["a task fails, closing rejects", "async", failing, closing(rejects("closing")), "thirteen", 1],
    ["a task fails, closing is fine", "plain", failing, closing(fine), "thirteen", 1],
    ["a task fails, nothing closes", "plain", failing, undefined, "thirteen", 0],
    ["a task fails, null closes", "async", failing, null, "thirteen", 0],
    ["next() throws", "plain", oneThenOwn(throws("next")), closing(fine), "next", 0],
    ["next() throws", "async", oneThenOwn(throws("next")), closing(fine), "next", 0],
    ["next() rejects", "async", oneThenOwn(rejects("next")), closing(fine), "next", 0],
    ["next() is no object", "plain", oneThenOwn(() => 5), closing(fine), "returned 5", 0],
    ["next() is no object", "async", oneThenOwn(() => Promise.resolve(5)), closing(fine), "returned 5", 0],
    [
      "a getter throws",
      "plain",
      oneThenOwn(() => ({
        get done() {
          return throws("getter")();
        },
      })),
      closing(fine),
      "getter",
      0,
    ],
    [
      "an item rejects",
      "plain",
      oneThenOwn(() => ({ value: rejects("item")(), done: false })),
      closing(fine),
      "item",
      1,
    ],
    [
      "an item rejects",
      "plain",
      oneThenOwn(() => ({ value: thenable(new URIError("own"), true), done: false })),
      closing(throws("closing")),
      "own",
      1,
    ],
    [
      "an item cannot be copied",
      "async",
      oneThenOwn(() => ({ value: () => 1, done: false })),
      closing(fine),
      "cannot be cloned",
      1,
    ],
  ];
  for (const [name, kind, next, close, message, times] of cases) {
    for (const ordered of [true, false]) {
      closed = 0;
      const open = () => ({ next, return: close });
      const source = kind === "plain" ? { [Symbol.iterator]: open } : { [Symbol.asyncIterator]: open };
      const mapped = Array.fromAsync(
        parallelMap(sched, source as never, countsItself, { concurrency: 2, ordered }),
      );
      await soon(assertRejects(() => mapped, Error, message, `${kind}: ${name}`), name);
      assertEquals(closed, times, `${kind}: ${name}`);
    }
  }
  // As for await: who leaves hears of it.
  const open = () => ({ next: () => ({ value: 1, done: false }), return: throws("closing") });
  const leaving = (async () => {
    for await (const _ of parallelMap(sched, { [Symbol.iterator]: open } as never, slowSquare)) break;
  })();
  await soon(assertRejects(() => leaving, URIError, "closing"), "who leaves");
});

Deno.test("a result does not wait for the next item, nor do a failure, an abort and who leaves", async () => {
  const shared = new SharedArrayBuffer(8);
  for (const ordered of [true, false]) {
    const channel = new Channel<number>(sched);
    const mapped = parallelMap(sched, channel, slowSquare, { ordered, concurrency: 4 });
    const first = mapped.next();
    await channel.send(3);
    assertEquals(await soon(first, "the first"), { value: 9, done: false });
    await channel.send(4);
    assertEquals(await soon(mapped.next(), "the second"), { value: 16, done: false });
    await soon(mapped.return!(), "who leaves");
    assertEquals(channel.trySend(5), false, "nobody receives there any more");

    let cancelled = 0;
    const stream = (n: number) =>
      new ReadableStream<[number, SharedArrayBuffer]>({
        start: (controller) => controller.enqueue([n, shared]),
        cancel: () => void cancelled++,
      });
    const failing = Array.fromAsync(parallelMap(sched, stream(13), countsItself, { ordered }));
    await soon(assertRejects(() => failing, RangeError, "thirteen"), "the failure");
    assertEquals(cancelled, 1);

    const controller = new AbortController();
    const aborted = parallelMap(sched, stream(100), countsItself, { ordered, signal: controller.signal });
    assertEquals((await soon(aborted.next(), "one result")).value, 100);
    const next = aborted.next();
    controller.abort(new URIError("enough"));
    await soon(assertRejects(() => next, URIError, "enough"), "the abort");
    assertEquals(cancelled, 2);
  }
});

Deno.test("bad arguments are refused at the call", () => {
  const signal = new AbortController() as never;
  assertThrows(() => parallelMap(sched, [1], slowSquare, { signal }), TypeError, "give an AbortSignal");
  for (const concurrency of [0, 1.5, NaN]) {
    assertThrows(() => parallelMap(sched, [1], slowSquare, { concurrency }), RangeError, String(concurrency));
  }
  assertThrows(() => parallelMap(sched, 5 as never, slowSquare), TypeError, "iterate over");
  assertThrows(() => parallelMap({} as never, [1], slowSquare), TypeError, "give the Scheduler");
});
