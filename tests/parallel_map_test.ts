import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { parallelMap, Scheduler } from "@heddle/heddle";
import { soon, until } from "./deadline.ts";
import { countsItself, mapsInside, slowSquare } from "./tasks/mapping.ts";

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

Deno.test("no more than concurrency are under way, whatever is not taken among them", async () => {
  for (const ordered of [true, false]) {
    const shared = new SharedArrayBuffer(8);
    let pulled = 0;
    const source = async function* (): AsyncGenerator<[number, SharedArrayBuffer]> {
      for (; pulled < 100; pulled++) yield [pulled + 100, shared];
    };
    let taken = 0;
    for await (const _ of parallelMap(sched, source(), countsItself, { concurrency: 4, ordered })) {
      taken++;
      assertLess(pulled - taken, 5);
      if (taken === 10) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals([taken, pulled], [100, 100]);
    assert(new Int32Array(shared)[1] <= 4);
  }
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

Deno.test("a task maps over its own children", async () => {
  assertEquals(await soon(sched.go(mapsInside(100)), "the sum"), 328_350);
});

Deno.test("bad arguments are refused at the call", () => {
  for (const concurrency of [0, 1.5, NaN]) {
    assertThrows(() => parallelMap(sched, [1], slowSquare, { concurrency }), RangeError, String(concurrency));
  }
  assertThrows(() => parallelMap(sched, 5 as never, slowSquare), TypeError, "iterate over");
  assertThrows(() => parallelMap({} as never, [1], slowSquare), TypeError, "give the Scheduler");
});
