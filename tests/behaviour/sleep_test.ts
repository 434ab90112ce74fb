import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertRejects } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { Ticker } from "../../scheduler/machine/ticker.ts";
import { soon } from "../support/deadline.ts";
import { sleepsAtOnce, sleepsInTurn, ticks } from "../tasks/waiting.ts";

const sched = await Scheduler.start({ procs: 1 });
Deno.test.afterAll(() => sched.close());

/** On a busy machine a thread waits for its turn after most sleeps, not after all: the best tenth tells. */
const best = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)];

Deno.test("sleeps of a tenth of a millisecond take that and not a whole one, and none ends early", async () => {
  for (const ms of [0.1, 0.3]) {
    const took = await soon(sched.go(sleepsInTurn(ms, 200)), "200 sleeps");
    assertGreaterOrEqual(Math.min(...took), ms);
    // Timers of the event loop take 1 ms at the least, and a bit.
    assertLess(best(took), 1);
  }
});

Deno.test("longer sleeps are exact too", async () => {
  for (const ms of [1.5, 7, 20]) {
    const took = await soon(sched.go(sleepsInTurn(ms, 20)), "20 sleeps");
    assertGreaterOrEqual(Math.min(...took), ms);
    assertLess(best(took), ms + 3);
  }
});

Deno.test("thousands of sleeps at once end in their order, each in its time", async () => {
  const { late, disorder } = await soon(sched.go(sleepsAtOnce(5000, 200)), "5000 sleeps");
  assertEquals([late.length, disorder], [5000, 0]);
  assertGreaterOrEqual(Math.min(...late), 0);
  assertLess(best(late), 5);
});

Deno.test("a ticker keeps its rate, and drops the ticks that nobody waits for", async () => {
  const seen = await soon(sched.go(ticks(2, 40, 5)), "40 ticks");
  for (const [tick, at] of seen) assertGreaterOrEqual(at, 2 * tick);
  assert(seen.every(([tick], i) => i === 0 || tick > seen[i - 1][0]));
  const [before, after] = [seen[4][0], seen[5][0]];
  assertGreaterOrEqual(after - before, 6, "ticks during the pause were not dropped");
});

Deno.test("a ticker's ticks are whole periods apart, however late it is called", async () => {
  const times: number[] = [];
  const ticker = new Ticker(1.5, (at) => {
    times.push(at);
    return Promise.resolve();
  });
  const numbers: number[] = [];
  for (let i = 0; i < 20; i++) {
    numbers.push((await ticker.next()).value);
    const until = times[i] + i % 5;
    while (performance.now() < until);
  }
  for (let i = 1; i < 20; i++) {
    const periods = numbers[i] - numbers[i - 1];
    assert(periods >= 1 && Math.abs(times[i] - times[i - 1] - 1.5 * periods) < 1e-6);
  }
  await ticker.return();
  assertEquals(await ticker.next(), { value: undefined, done: true });
});

Deno.test("a ticker's period is to be more than nothing", async () => {
  for (const ms of [0, -1, NaN]) {
    await assertRejects(async () => await sched.go(ticks(ms, 1, 2)), RangeError, `ctx.ticker(${ms})`);
  }
});
