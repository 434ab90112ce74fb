import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel, Mutex, parallelMap, pipeline, Scheduler, select, Semaphore } from "@heddle/heddle";
import { soon } from "../support/deadline.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { definesTwice, edited, runOfFirst, runOfSecond } from "../tasks/bundle.ts";
import { misspells } from "../tasks/misspelling.ts";
import { square } from "../../examples/tasks.ts";

// deno-lint-ignore no-explicit-any -- what no TypeScript would pass
type Any = any;

const sched = await Scheduler.start({ procs: 1 });
Deno.test.afterAll(() => sched.close());

Deno.test("an option that is not there is a TypeError that names the nearest one, wherever options go", async () => {
  await using locker = await sched.locker();
  const channel = new Channel<number>(sched, 1);
  const calls: [what: string, given: string, nearest: string, call: (options: Any) => unknown][] = [
    ["Scheduler.start", "proces", "procs", (options) => Scheduler.start(options)],
    ["Scheduler.start", "maxthreads", "maxThreads", (options) => Scheduler.start(options)],
    ["Scheduler.start", "onstall", "onStall", (options) => Scheduler.start(options)],
    ["go", "timeOut", "timeout", (options) => sched.go(nothing(), options)],
    ["locker.go", "singal", "signal", (options) => locker.go(nothing(), options)],
    ["dedicate", "afinity", "affinity", (options) => sched.dedicate(nothing(), options)],
    ["locker", "nicer", "nice", (options) => sched.locker(options)],
    ["thread", "prority", "priority", (options) => sched.thread(options)],
    ["an operation that waits", "Signal", "signal", (options) => channel.recv(options)],
    ["an operation that waits", "signals", "signal", (options) => new Mutex(sched).lock(options)],
    ["an operation that waits", "signl", "signal", (options) => new Semaphore(sched, 1).acquire(1, options)],
    ["select", "defualt", "default", (options) => select([], options)],
    ["parallelMap", "concurency", "concurrency", (options) => parallelMap(sched, [], square, options)],
    ["pipeline", "capcity", "capacity", (options) => pipeline(sched, [], [], options)],
  ];
  for (const [what, given, nearest, call] of calls) {
    const message = `${what}: there is no option "${given}": did you mean "${nearest}"?`;
    const error = await assertRejects(async () => await call({ [given]: 1 }), TypeError);
    assertEquals(error.message, message);
    for (const wrong of [5, null, "fast"]) {
      const told = await assertRejects(async () => await call(wrong), TypeError);
      assert(
        told.message.startsWith(`${what}: the options are ${wrong}: give an object with `),
        told.message,
      );
    }
  }
  const error = assertThrows(() => sched.go(nothing(), { elephant: 1 } as Any), TypeError);
  assertEquals(
    error.message,
    'go: there is no option "elephant": there is signal, timeout, name, priority, transfer',
  );
  assertEquals(sched.stats().inFlight, 0);
});

Deno.test("the same holds for what a task gives its context", async () => {
  assertEquals(await soon(sched.go(misspells()), "the task"), [
    'ctx.go: there is no option "timout": did you mean "timeout"?',
    'ctx.scope: there is no option "singal": did you mean "signal"?',
    'scope.go: there is no option "nam": did you mean "name"?',
    'ctx.blocking: there is no option "handoff": did you mean "handOff"?',
  ]);
});

Deno.test("values that cannot be shown are shown all the same in what is said of them", async () => {
  const mute = Object.create(null);
  assertThrows(() => sched.go(mute), TypeError, "[object Object] is not a call of a task");
  assertThrows(() => sched.go(nothing(), { timeout: mute }), RangeError, "timeout is [object Object]");
  assertThrows(() => sched.go(nothing(), { signal: mute }), TypeError, "signal is [object Object]");
  await assertRejects(() => Scheduler.start({ procs: mute }), RangeError, "procs is [object Object]");
  await assertRejects(
    () => Scheduler.start({ onStall: 5 as Any }),
    TypeError,
    "onStall is 5: give a function",
  );
  await assertRejects(() => new Channel(sched).recv({ signal: {} as Any }), TypeError, "give an AbortSignal");
});

Deno.test("options are read once, so what a getter says is what counts", async () => {
  let looks = 0;
  const options = {
    get timeout() {
      return ++looks === 1 ? 60_000 : "never";
    },
  };
  await soon(sched.go(nothing(), options as Any), "the task");
  assertEquals(looks, 1);
});

Deno.test("two modules of one bundle may each have a task of the same name, in whatever order threads define them", async () => {
  const ran = await soon(Promise.all([sched.go(runOfFirst()), sched.go(runOfSecond())]), "both");
  assertEquals(ran, ["of the first module", "of the second module"]);
  const error = assertThrows(definesTwice, TypeError);
  assert(
    error.message.includes('tasks/bundle.ts defines a second task "twice" with the same function'),
    error.message,
  );
});

Deno.test("a task whose function is another one where a thread imports it does not run in its place", async () => {
  const error = await assertRejects(() => soon(sched.go(edited()), "the task"), Error);
  assert(error.message.includes('bundle.ts defines another task "edited"'), error.message);
});
