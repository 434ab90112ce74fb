import { deepStrictEqual } from "node:assert";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Channel, Scheduler, SchedulerClosedError, TaskTimeoutError, ThreadDiedError } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";
import { add } from "../tasks/arithmetic.ts";
import { Refused, throwsRefused, throwsValue } from "../tasks/failing.ts";
import * as unreadable from "../tasks/unreadable.ts";
import { breakDates } from "../tasks/unreadable.ts";
import {
  aliasing,
  answerOn,
  describe,
  echo,
  echoLater,
  returnsNested,
  returnsPort,
  sendsIt,
  sharesWithThief,
  throughChild,
  throughThief,
  tidOf,
} from "../tasks/values.ts";
import { raises } from "../tasks/waiting.ts";
import { soon, until, untilSync } from "../support/deadline.ts";
import { runProgram } from "../support/programs.ts";

// deno-lint-ignore no-explicit-any -- copies are looked into freely here
type Any = any;

function cyclic(): unknown {
  const node: Record<string, unknown> = { name: "node", list: [] };
  node.self = node;
  (node.list as unknown[]).push(node, new Map([[node, new Set([node])]]));
  return node;
}

function sparse(): unknown[] {
  const array: unknown[] = [1, , 3];
  array[10] = undefined;
  array.length = 20;
  return array;
}

function nested(depth: number): unknown {
  let value: unknown = "core";
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { value };
  return value;
}

/** What is copied, by what it shows. Each makes a new value. */
const kinds: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  booleans: () => [true, false],
  "boxed primitives": () => [Object(true), Object(1), Object("s"), Object(1n)],
  integers: () => [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 53, Number.MAX_SAFE_INTEGER],
  "numbers of all kinds": () => [-0, NaN, Infinity, -Infinity, 0.1, 5e-324, 1.7976931348623157e308],
  "minus zero": () => -0,
  NaN: () => NaN,
  bigints: () => [0n, 1n, -1n, 2n ** 64n, -(2n ** 200n)],
  strings: () => ["", "a", "ä", "\u{1F600}", "\0", "x".repeat(1000), "ä".repeat(1000), "\u4e2d".repeat(500)],
  "lone surrogates": () => ["\ud800", "\udc00", "a\udc00\ud800b", `${"\ud800"}${"x".repeat(500)}`],
  "a Date and an invalid one": () => [new Date(0), new Date(NaN), new Date(-1e12)],
  "regular expressions": () => [/a/, /[\u{1F600}]/giu, new RegExp("\n/", "dsy")],
  "a Map of Maps": () => new Map<unknown, unknown>([[1, new Map([["a", { b: 1 }]])], [{ k: 1 }, NaN]]),
  "a Set": () => new Set<unknown>([1, "1", null, [1], new Set()]),
  objects: () => ({ a: 1, "b c": { d: [] }, "": 0, __proto: 1, 7: "seven" }),
  "an object without prototype": () => ({ own: 1 }),
  "a sparse array": () => sparse(),
  "an array with properties": () => Object.assign([1, 2], { extra: "property", "-1": 0 }),
  "every typed array": () => [
    new Int8Array([-1, 2]),
    new Uint8Array([1, 255]),
    new Uint8ClampedArray([0, 255]),
    new Int16Array([-300]),
    new Uint16Array([65535]),
    new Int32Array([-1e9]),
    new Uint32Array([4e9]),
    new Float16Array([0.5]),
    new Float32Array([1.5, NaN, -0]),
    new Float64Array([Math.PI]),
    new BigInt64Array([-5n]),
    new BigUint64Array([2n ** 63n]),
    new Uint8Array(0),
  ],
  "a view of a part": () => new Uint16Array(new Uint8Array([1, 2, 3, 4, 5, 6]).buffer, 2, 2),
  "a DataView": () => new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  "an ArrayBuffer": () => new Uint8Array([1, 2, 3]).buffer,
  "two views of one buffer": () => {
    const { buffer } = new Uint8Array(16);
    return { a: new Uint8Array(buffer, 0, 4), b: new Float64Array(buffer, 8, 1), buffer };
  },
  cycles: () => cyclic(),
  "one object twice": () => {
    const one = { shared: true };
    return [one, one, { one }];
  },
  "deep nesting": () => nested(500),
  "many keys": () => Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key${i}`, i])),
  "a long array": () => Array.from({ length: 10_000 }, (_, i) => i % 3 ? i : String(i)),
};

const large: Record<string, () => unknown> = {
  "a string of 10 MB": () => "0123456789".repeat(1e6),
  "a two-byte string of 10 MB": () => "\u4e2d\u6587".repeat(2.5e6),
  "a buffer of 10 MB": () => new Uint8Array(10e6).map((_, i) => i * 7).buffer,
  "a typed array of 8 MB among others": () => ({
    before: 1,
    data: new Float64Array(1e6).fill(0.25),
    after: [2],
  }),
};

const errors: Record<string, () => Error> = {
  Error: () => new Error("plain"),
  "an Error without a message": () => new Error(),
  TypeError: () => new TypeError("typed", { cause: { any: ["cause"] } }),
  "an Error whose cause is an Error": () => new RangeError("outer", { cause: new SyntaxError("inner") }),
  AggregateError: () => new AggregateError([new EvalError("one"), "two"], "many"),
  DOMException: () => new DOMException("not there", "NotFoundError"),
  "an Error with properties": () => Object.assign(new Error("with"), { code: "ENOENT", errno: -2 }),
  SchedulerClosedError: () => new SchedulerClosedError("closed"),
  ThreadDiedError: () => new ThreadDiedError("died"),
  TaskTimeoutError: () => new TaskTimeoutError("late"),
  "Deno.errors.NotFound": () => new Deno.errors.NotFound("no file"),
};

/** What it says of the stack is the whole, or of what was thrown the first lines: the others say who awaits the task. */
function assertSameError(
  actual: Any,
  expected: Any,
  stack: (error: Error) => unknown = (error) => error.stack,
): void {
  assertStrictEquals(actual?.constructor, expected.constructor);
  assertEquals(
    [actual.name, actual.message, stack(actual)],
    [expected.name, expected.message, stack(expected)],
  );
  assertEquals("cause" in actual, "cause" in expected);
  if (expected.cause instanceof Error) assertSameError(actual.cause, expected.cause, stack);
  else assertEquals(actual.cause, expected.cause);
  assertEquals(Object.keys(actual), Object.keys(expected));
  for (const key of Object.keys(expected)) assertEquals(actual[key], expected[key]);
}

function firstLines({ stack }: Error): string[] {
  return stack!.split("\n").slice(0, 2);
}

/** With so many Ps. */
const [one, two] = await Promise.all([1, 2].map((procs) => Scheduler.start({ procs })));
Deno.test.afterAll(async () => void await Promise.all([one.close(), two.close()]));

Deno.test("every kind of value comes back from a task as it was", async (t) => {
  const sched = one;
  for (const [kind, make] of Object.entries({ ...kinds, ...large })) {
    await t.step(kind, async () => {
      for (const task of [echo, echoLater]) deepStrictEqual(await sched.go(task(make())), make());
    });
  }
});

Deno.test("every kind of value goes through a child on the same thread as it was", async (t) => {
  const sched = one;
  for (const [kind, make] of Object.entries({ ...kinds, ...large })) {
    await t.step(kind, async () => {
      const { value, here, there } = await sched.go(throughChild(make()));
      assertEquals(there, here);
      deepStrictEqual(value, make());
    });
  }
});

Deno.test("every kind of value goes through a child on another thread as it was", async (t) => {
  const sched = two;
  for (const [kind, make] of Object.entries({ ...kinds, ...large })) {
    await t.step(kind, async () => {
      const { value, here, there } = await soon(sched.go(throughThief(make())), kind);
      assert(there !== here, "the child was not stolen");
      deepStrictEqual(value, make());
    });
  }
});

Deno.test("errors keep their class, name, message, stack and cause, as values", async (t) => {
  const sched = two;
  for (const [kind, make] of Object.entries(errors)) {
    await t.step(kind, async () => {
      const error = make();
      assertSameError(await sched.go(echo(error)), error);
      assertSameError((await sched.go(throughChild(error))).value, error);
      assertSameError((await sched.go(throughThief(error))).value, error);
    });
  }
});

Deno.test("errors keep their class, name, message, stack and cause, when a task throws them", async (t) => {
  const sched = one;
  for (const [kind, make] of Object.entries(errors)) {
    await t.step(kind, async () => {
      const error = make();
      const [outcome] = await Promise.allSettled([sched.go(throwsValue(error))]);
      assertEquals(outcome.status, "rejected");
      assertSameError((outcome as PromiseRejectedResult).reason, error, firstLines);
    });
  }
});

Deno.test("whatever a task throws arrives", async () => {
  const sched = one;
  for (const value of [undefined, null, 0, "text", { code: 1 }, [1]]) {
    const [outcome] = await Promise.allSettled([sched.go(throwsValue(value))]);
    assertEquals(outcome, { status: "rejected", reason: value });
  }
});

Deno.test("an error of a class that the task's module exports is one of that class here", async () => {
  const sched = one;
  const error = await assertRejects(() => sched.go(throwsRefused()), Refused, "not today");
  assertEquals([error.name, error.code, error.cause], ["Refused", 7, { why: ["closed"] }]);
});

Deno.test("arguments of all counts arrive in their order", async () => {
  const sched = one;
  const { countArguments } = await import("../tasks/arguments.ts");
  for (const count of [0, 1, 2, 3, 10, 100, 1000]) {
    const args = Array.from({ length: count }, (_, i) => i % 2 ? i : `${i}`);
    assertEquals(await sched.go(countArguments(...args)), args);
  }
  assertEquals(await sched.go(countArguments(undefined, null, -0)), [undefined, null, -0]);
});

Deno.test("arguments are copied when the task is started, not later", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 1 });
  const list = [1];
  const tasks = [sched.go(echo(list)), sched.go(echo(list))];
  list.push(2);
  assertEquals(await Promise.all(tasks), [[1], [1]]);
});

Deno.test("a child's arguments and its result are copies, even on the same thread", async () => {
  const sched = one;
  assertEquals(await sched.go(aliasing()), [[1, 9], [1, 2]]);
});

Deno.test("a SharedArrayBuffer is the same memory in the task, nested or not", async () => {
  const sched = one;
  const flag = new Flag();
  await sched.go(raises(flag.buffer));
  assertEquals(flag.value, 1);
  const { writesInto } = await import("../tasks/arguments.ts");
  const deep = { list: [new Map([["words", new Int32Array(new SharedArrayBuffer(16), 4, 2)]])] };
  const returned = await sched.go(writesInto(deep, "words", 5)) as typeof deep;
  const mine = deep.list[0].get("words")!;
  const theirs = returned.list[0].get("words")!;
  assertEquals([...mine], [5, 0]);
  theirs[1] = 6;
  assertEquals([...mine], [5, 6]);
});

Deno.test("a running task sees at once what the host writes to shared memory, and the host what it writes", async () => {
  const sched = one;
  const { mirrors } = await import("../tasks/arguments.ts");
  const [from, to] = [new Flag(), new Flag()];
  const task = sched.go(mirrors(from.buffer, to.buffer, 5));
  for (let i = 1; i < 5; i++) {
    from.value = i;
    if (i === 1) await soonMirrors(to, i);
    else untilSync(() => to.value === i, `${i} is mirrored`);
  }
  from.value = 5;
  assertEquals(await task, 5);
});

/** The first look needs the host's event loop: it passes the memory on. */
async function soonMirrors(to: Flag, value: number): Promise<void> {
  const { until } = await import("../support/deadline.ts");
  await until(() => to.value === value, "the task has its memory");
}

Deno.test("a SharedArrayBuffer is the same memory on a third thread, and as a result", async () => {
  const sched = two;
  const [buffer, seen, here, there] = await soon(sched.go(sharesWithThief()), "sharing with a thief");
  assertEquals(seen, 1);
  assert(here !== there, "the child was not stolen");
  assertEquals(new Flag(buffer).value, 1);
  assert(buffer instanceof SharedArrayBuffer);
  new Flag(buffer).value = 9;
  await sched.go(raises(buffer));
  assertEquals(new Flag(buffer).value, 1);
});

Deno.test("a MessagePort goes to a task, and comes from one", async () => {
  const sched = one;
  const { port1, port2 } = new MessageChannel();
  const heard = new Promise((resolve) => port1.onmessage = ({ data }) => resolve(data));
  await sched.go(answerOn(port2, "from the task"));
  assertEquals(await soon(heard, "an answer on the port"), "from the task");
  port1.close();

  const port = await sched.go(returnsPort());
  const greeting = new Promise((resolve) => port.onmessage = ({ data }) => resolve(data));
  assertEquals(await soon(greeting, "a greeting on the port"), "from a task's port");
  port.close();
});

Deno.test("ports given to children arrive open, whether a child stays, moves, or comes back from the queue", async () => {
  const { answersThroughChildren } = await import("../tasks/arguments.ts");
  for (const procs of [1, 2]) {
    await using sched = await Scheduler.start({ procs });
    const answers = await soon(sched.go(answersThroughChildren(20)), `20 answers with procs ${procs}`);
    assertEquals(answers, Array.from({ length: 20 }, (_, i) => i));
  }
});

Deno.test("each of many children gets its own memory, whatever became of those before it", async () => {
  const { sharesWithMany } = await import("../tasks/arguments.ts");
  for (const procs of [1, 2, 3]) {
    await using sched = await Scheduler.start({ procs });
    assertEquals(await soon(sched.go(sharesWithMany(20, 30)), `with procs ${procs}`), []);
  }
});

Deno.test("instances of other classes arrive as what structuredClone makes of them", async () => {
  const sched = one;
  class Bytes extends Uint8Array {}
  assertEquals(await sched.go(describe(new Bytes(2))), "[object Uint8Array]");
  assertEquals(await sched.go(describe(new (class Point {})())), "[object Object]");
  assertEquals(await sched.go(add(1, 1)), 2);
});

const RealDate = Date;

/** Of a value from `nested`. */
function depthOf(value: Any): number {
  let depth = 0;
  for (; typeof value === "object"; depth++) value = Array.isArray(value) ? value[0] : value.value;
  return depth;
}

// Values that cannot be read ------------------------------------------------------------------------------------------

Deno.test("a result that the host cannot read rejects its task, and no other one", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const channel = new Channel<unknown>(sched);
  const received = channel.recv();
  breakDates(true);
  try {
    const date = { at: new RealDate(0) };
    const tasks = [
      sched.go(echo(1)),
      sched.go(unreadable.echo(date)),
      sched.go(unreadable.echo([date, "x".repeat(500)])),
      sched.go(unreadable.echo([date, new SharedArrayBuffer(8)])),
      sched.go(unreadable.throwsIt(Object.assign(new Error("dated"), date))),
      sched.go(unreadable.throwsIt([date, new SharedArrayBuffer(8)])),
      sched.go(sendsIt(channel, date)),
      sched.go(echo(2)),
    ];
    const outcomes = await soon(Promise.allSettled([...tasks, received]), "all settle");
    assertEquals(
      outcomes.map((outcome) => outcome.status === "fulfilled" ? outcome.value : outcome.reason.message),
      [
        1,
        ...new Array(5).fill("no dates here"),
        undefined,
        2,
        "no dates here",
      ],
    );
  } finally {
    breakDates(false);
  }
  assertEquals(await sched.go(echo(new Date(5))), new Date(5));
});

Deno.test("what a thread cannot read fails whom it is for, and the thread and its other tasks live", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const tid = await sched.go(tidOf());
  const date = { at: new Date(0) };
  await sched.go(unreadable.breaks(true));
  for (const args of [date, [date, "x".repeat(500)], [date, new SharedArrayBuffer(8)]]) {
    await assertRejects(
      () => soon(sched.go(unreadable.echo(args)), "it settles"),
      RangeError,
      "no dates here",
    );
  }
  await sched.go(unreadable.breaks(false));
  assertEquals(await sched.go(unreadable.echo(date)), date);

  const [flag, channel] = [new Flag(), new Channel<unknown>(sched, 4)];
  await channel.send(date);
  await channel.send(date);
  const receiver = sched.go(unreadable.receivesDates(channel, flag.buffer));
  for (const waiting of [1, 2]) {
    await until(() => flag.value === waiting, "the task waits");
    await channel.send(date);
  }
  assertEquals(await soon(receiver, "all received"), new Array(4).fill("no dates here"));

  const told = new Flag();
  const task = sched.go(unreadable.isCancelled(told.buffer));
  await until(() => told.value === 1, "it runs");
  task.cancel(date);
  await assertRejects(async () => await task);
  await until(() => told.value > 1, "it was told");
  assertEquals(told.value, 2);
  assertEquals(await sched.go(tidOf()), tid);
});

Deno.test("a child's result that its parent's thread cannot read rejects the child", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  const outcomes = await soon(sched.go(unreadable.awaitsDatesOfThief()), "all settle");
  assertEquals(outcomes, new Array(3).fill("no dates here"));
});

Deno.test("an error settles its task although its class cannot be looked at, or it goes by port", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  unreadable.guard();
  const error = await assertRejects(
    () => soon(sched.go(unreadable.throwsGuarded("m")), "it settles"),
    Error,
    "m",
  );
  assertEquals(error.name, "Error");
  for (const kind of ["large", "shared"] as const) {
    const error: Any = await assertRejects(
      () => soon(sched.go(unreadable.throwsByPort(kind)), kind),
      Error,
      kind,
    );
    assertEquals(error.has.length ?? error.has.byteLength, kind === "large" ? 2 << 20 : 8);
  }
});

Deno.test("the deepest value that is taken arrives on a thread that has read none before, and a deeper one is refused", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const core = "core";
  const tooDeep = "levels deep, and 1024 are possible";
  // Arguments are an array.
  assertEquals(depthOf(await sched.go(echo(nested(1023)))), 1023);
  assertThrows(() => sched.go(echo(nested(1024))), DOMException, "args is nested at least 1025 " + tooDeep);
  for (const depth of [1024, 3000, 100_000]) {
    const running = sched.go(echo("beside"));
    const task = sched.go(returnsNested(depth, core));
    if (depth <= 1024) assertEquals(depthOf(await task), depth);
    else {await assertRejects(
        async () => await task,
        DOMException,
        `result is nested at least ${depth} ${tooDeep}`,
      );}
    assertEquals(await running, "beside");
  }
  const channel = new Channel<unknown>(sched, 1);
  await assertRejects(
    () => channel.send(nested(5000)),
    DOMException,
    "value is nested at least 5000 " + tooDeep,
  );
});

Deno.test("values pass as ever in a program that has frozen what they inherit from", async () => {
  const { code, stdout, stderr } = await runProgram("passes_values_with_frozen_prototypes");
  assertEquals([code, stdout, stderr], [0, "all values arrived\n", ""]);
});
