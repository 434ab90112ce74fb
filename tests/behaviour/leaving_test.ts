import { assert, assertEquals } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { sum } from "../../examples/tasks.ts";
import { until } from "../support/deadline.ts";
import { computeLate, large, orphans } from "../tasks/leaving.ts";

Deno.test("a large result arrives although its thread has ended by then", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  for (let i = 0; i < 20; i++) {
    const length = 3 * 2 ** 20 + i;
    assertEquals((await sched.dedicate(large(length))).length, length);
  }
});

Deno.test("all children of a dedicated task run, more than its thread has slots for", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const counter = new SharedArrayBuffer(4);
  await sched.dedicate(orphans(1500, counter));
  await until(() => Atomics.load(new Int32Array(counter), 0) === 1500, "all have run");
});

Deno.test("a task that computes after a plain await does not hold up the others", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  for (let round = 0; round < 3; round++) {
    const [started, stop] = [new SharedArrayBuffer(4), new SharedArrayBuffer(4)];
    const computing = sched.go(computeLate(started, stop));
    await until(() => Atomics.load(new Int32Array(started), 0) === 1, "it computes");
    // If this one waited for it, it would give up by itself and say so.
    assertEquals(await sched.go(sum(0, 10)), 45);
    Atomics.store(new Int32Array(stop), 0, 1);
    assert(await computing);
  }
});
