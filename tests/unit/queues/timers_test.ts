import { assert, assertEquals } from "@std/assert";
import { Timers } from "../../../scheduler/queues/timers.ts";
import { random } from "../../support/hammers/hammer.ts";

function add(timers: Timers, at: number, fire: () => void) {
  const timer = { at, fire };
  timers.add(timer, at);
  return timer;
}

Deno.test("timers fire in the order of their deadlines, whatever the order in which they were added", () => {
  const seed = Date.now() | 0;
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 200; round++) {
    const timers = new Timers();
    const fired: number[] = [];
    const expected: number[] = [];
    let now = 0;
    for (let i = 0; i < 100; i++) {
      const at = now + next() % 50;
      const timer = add(timers, at, () => fired.push(at));
      if (next() % 8 === 0) timers.remove(timer);
      else expected.push(at);
      if (next() % 10 === 0) {
        now += next() % 20;
        const due = fired.length;
        timers.run(now);
        assert(fired.slice(due).every((at, i, all) => at <= now && (i === 0 || all[i - 1] <= at)));
        assert(timers.next > now);
      }
    }
    timers.run(1e9);
    assertEquals(timers.size, 0);
    assertEquals(timers.next, Infinity);
    assertEquals(fired.toSorted((a, b) => a - b), expected.toSorted((a, b) => a - b));
  }
});

Deno.test("a timer that is not due does not fire, and run says whether any did", () => {
  const timers = new Timers();
  const fired: string[] = [];
  add(timers, 10, () => fired.push("10"));
  timers.remove(add(timers, 5, () => fired.push("5")));
  assertEquals(timers.next, 10);
  assertEquals(timers.run(9.9), false);
  assertEquals(timers.next, 10);
  assertEquals(timers.run(10), true);
  assertEquals(fired, ["10"]);
});

Deno.test("a timer that is added while others fire is looked at in the same run", () => {
  const timers = new Timers();
  const fired: number[] = [];
  add(timers, 1, () => {
    fired.push(1);
    add(timers, 0, () => fired.push(0));
    add(timers, 3, () => fired.push(3));
  });
  add(timers, 2, () => fired.push(2));
  timers.run(2);
  assertEquals(fired, [1, 0, 2]);
  assertEquals(timers.size, 1);
});

Deno.test("of many that are due the earliest fire first, so many that others wait for about a millisecond", () => {
  const timers = new Timers();
  const fired: number[] = [];
  for (let i = 0; i < 3000; i++) add(timers, i * 7919 % 3000, () => fired.push(i * 7919 % 3000));
  const runs: number[] = [];
  while (timers.run(2500)) runs.push(fired.length);
  assertEquals(runs, [1024, 2048, 2501]);
  assertEquals(fired, Array.from({ length: 2501 }, (_, at) => at));
  assertEquals(timers.next, 2501);
});

Deno.test("timers leave from anywhere, and the others stay in order", () => {
  const timers = new Timers();
  const fired: number[] = [];
  const all = Array.from({ length: 1000 }, (_, i) => {
    const at = i * 7919 % 1000;
    return add(timers, at, () => fired.push(at));
  });
  const left = all.filter(({ at }) => at % 3 !== 0);
  for (const timer of all) if (timer.at % 3 === 0) assert(timers.remove(timer));
  for (const timer of all) if (timer.at % 3 === 0) assert(!timers.remove(timer));
  timers.run(1000);
  assertEquals(fired, left.map(({ at }) => at).toSorted((a, b) => a - b));
});
