/** "Who calls whom back" in scheduler/tasks/README.md: the worst that a user's code can do at each place. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  parallelMap,
  pipeline,
  Scheduler,
  SchedulerClosedError,
  TaskAbandonedError,
  ThreadDiedError,
} from "@heddle/heddle";
import { preemption } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { nothing } from "../tasks/arithmetic.ts";
import {
  childReturnsOdd,
  childThrowsTrapped,
  copiesOdd,
  deaf,
  followsDeaf,
  hidesStack,
  leavesUnshowable,
  listens,
  listensForLong,
  neighbour,
  resultStarts,
  returnsOdd,
  scopeListens,
  takesOdd,
  throwsTrapped,
  waitsForOdd,
} from "../tasks/hostile.ts";
import { neverLoads } from "../tasks/not_loading.ts";
import { busyUntil } from "../tasks/occupying.ts";
import { echo } from "../tasks/values.ts";
import { doubling } from "../../examples/tasks.ts";

// One thread runs all of it, beside a task that would die with it.
const sched = await Scheduler.start({ procs: 1, onStall: () => {}, stallMs: 20 });
const [arrived, leave] = [new Flag(), new Flag()];
const beside = sched.go(neighbour(arrived.buffer, leave.buffer));
// The last test asks how it ended.
beside.catch(() => {});
/** Of a task that ran in between. */
let tid = 0;
Deno.test.afterAll(() => sched.close());

const told = (error: unknown) => String(error);

Deno.test("whatever a task returns, it settles as an await of that does, and its thread lives", async () => {
  await until(() => arrived.value === 1, "the neighbour runs");
  // What an await looks at once, the scheduler may look at twice.
  const outcomes: Record<string, string | string[]> = {
    "a promise whose then throws": "awaited",
    "a promise whose constructor throws": "RangeError: constructor",
    "a promise whose species throws": ["RangeError: species", "awaited"],
    "what only inherits from Promise": "TypeError",
    "what calls back twice": "first",
    "a then that throws": "RangeError: thrown",
    "a then that throws when it is looked up": "RangeError: looked up",
    "a then that throws at the second look": ["RangeError: second look", "first look"],
    "a function with a then": "called",
    "a proxy": "RangeError: trap",
  };
  for (const [kind, outcome] of Object.entries(outcomes)) {
    for (const call of [returnsOdd(kind), childReturnsOdd(kind), waitsForOdd(kind)]) {
      const { name } = call.definition;
      const settled = String(await soon(sched.go(call).catch(told), `${name}: ${kind}`));
      const isRight = [outcome].flat().some((each) => settled.startsWith(each));
      assert(isRight, `${name}: ${kind}: ${settled}`);
    }
  }
});

Deno.test("getters run while values are copied, and may throw, start tasks and send", async () => {
  const [outcomes, received, started] = await soon(sched.go(copiesOdd()), "the task") as unknown[][];
  assertEquals(outcomes, ["RangeError: getter", "RangeError: getter", { it: "got" }]);
  assertEquals(received.length, 3);
  assert(received.some((each) => (each as { it?: string }).it === "got"), JSON.stringify(received));
  assertEquals(started, started.map(() => ({ inner: [1, { deep: true }] })));
  const counter = new Flag();
  assertEquals(await soon(sched.go(resultStarts(counter.buffer)), "the result"), { it: "got" });
  await until(() => counter.value > 0, "what the result started has run");
});

Deno.test("getters of the host's arguments may throw and start tasks", async () => {
  const { inFlight } = sched.stats();
  for (const start of [sched.go, sched.dedicate].map((start) => start.bind(sched))) {
    const throwing = {
      get it() {
        throw new RangeError("getter");
      },
    };
    assertThrows(() => start(echo(throwing)), RangeError, "getter");
    const within: Promise<unknown>[] = [];
    const starting = {
      get it() {
        within.push(sched.go(echo({ deep: [1] })));
        return "got";
      },
    };
    assertEquals(await soon(start(echo(starting)), "the task"), { it: "got" });
    assertEquals(await soon(Promise.all(within), "those within"), within.map(() => ({ deep: [1] })));
  }
  assertEquals(sched.stats().inFlight, inFlight);
});

Deno.test("a getter of an argument that closes the scheduler leaves nothing unsettled", async () => {
  for (const how of ["go", "dedicate", "waiting"] as const) {
    const own = await Scheduler.start({ procs: 1, maxTasks: how === "waiting" ? 1 : 8 });
    const [entered, go] = [new Flag(), new Flag()];
    const first = how === "waiting" ? own.go(busyUntil(entered.buffer, go.buffer)) : undefined;
    let closed: Promise<void> | undefined;
    const closing = {
      get it() {
        closed ??= own.close();
        return 1;
      },
    };
    assertThrows(() => own[how === "waiting" ? "go" : how](echo(closing)), SchedulerClosedError);
    go.value = 1;
    if (first !== undefined) await assertRejects(() => soon(first, "the first"), SchedulerClosedError);
    await soon(closed!, "close()");
    assertEquals(own.stats().inFlight, 0, how);
  }
});

Deno.test("listeners of a task's signal may throw, start, cancel and close, and the thread lives", async () => {
  const [listening, ended] = [new Flag(), new Flag()];
  const task = sched.go(listens(listening.buffer, ended.buffer));
  await until(() => listening.value === 1, "it listens");
  task.cancel();
  await until(() => ended.value === 1, "it went on to its end");
  assertEquals(await soon(sched.go(scopeListens()), "the scope"), "1 RangeError: the child");
});

Deno.test("tasks whose module never loads wait, can be cancelled, and keep nobody out", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const [first, second] = [own.go(neverLoads()), own.go(neverLoads())];
  await soon(own.go(nothing()), "another task");
  first.cancel("not needed");
  assertEquals(await first.catch((reason) => reason), "not needed");
  const closed = own.close();
  await assertRejects(() => soon(second, "the second"), SchedulerClosedError);
  await soon(closed, "close()");
});

preemption.test("a listener of a task's signal that computes on keeps nobody else out, and can be abandoned", async () => {
  for (const how of ["looks", "sleeps"] as const) {
    await using own = await Scheduler.start({ procs: 1 });
    const [entered, go] = [new Flag(), new Flag()];
    const task = own.go(listensForLong(how, entered.buffer, go.buffer));
    await until(() => entered.value === 1, "it listens");
    task.cancel();
    await until(() => entered.value === 2, "its listener runs");
    await soon(own.go(nothing()), `another task, while one ${how}`, 10_000);
    go.value = 1;
    await until(() => entered.value === 3, "it goes on to its end");
  }
  // A slice that cold code does not fill, so that both are on one thread.
  await using own = await Scheduler.start({ procs: 1, sliceMs: 500, runawayMs: 1000 });
  const [entered, go] = [new Flag(), new Flag()];
  const task = own.go(listensForLong("sleeps", entered.buffer, go.buffer));
  const lost = own.go(neighbour(new SharedArrayBuffer(4), new SharedArrayBuffer(4)));
  await until(() => entered.value === 1 && lost.state === "running", "both run");
  task.cancel();
  // The black box names who began last: see sysmon/README.md, "Preemption". One of the two is abandoned, the other one lost with it.
  const error = await soon(lost.catch((error) => error), "the task beside it", 10_000);
  assert(error instanceof ThreadDiedError || error instanceof TaskAbandonedError, String(error));
  await soon(own.go(nothing()), "another task");
});

Deno.test("a signal that cannot be followed starts nothing, and nothing else breaks", async () => {
  const { inFlight } = sched.stats();
  for (const start of [sched.go, sched.dedicate].map((start) => start.bind(sched))) {
    assertThrows(() => start(nothing(), { signal: deaf() }), RangeError, "deaf");
  }
  assertEquals(sched.stats().inFlight, inFlight);
  const outcomes = await soon(sched.go(followsDeaf(new SharedArrayBuffer(4))), "the task");
  assertEquals(outcomes, ["RangeError: deaf", "RangeError: deaf", 0]);
});

Deno.test("how errors show themselves and where their classes are found may throw", async () => {
  tid = await soon(sched.go(leavesUnshowable()), "the rejection");
  for (let i = 0; i < 3; i++) {
    assertEquals(
      String(await soon(sched.go(throwsTrapped()).catch((error) => error.message), "it")),
      "nobody finds my class",
    );
  }
  const children = await soon(sched.go(childThrowsTrapped()), "the children") as string[];
  assertEquals(children, children.map(() => "Trap: nobody finds my class"));
});

Deno.test("what is told of a stall may not be what the task makes of it", async () => {
  for (
    const odd of [{ constructor: { name: Object.create(null) } }, { constructor: null }, {
      constructor: { name: 7 },
    }]
  ) {
    assertEquals(await soon(sched.go(takesOdd(odd)), "the task"), "object");
  }
  assertEquals(await soon(sched.go(hidesStack(80)), "the task"), true);
});

Deno.test("an onStall that throws is an uncaught error of its own, and one that closes closes", async () => {
  const uncaught: string[] = [];
  const hear = (event: ErrorEvent) => {
    uncaught.push(event.error.message);
    event.preventDefault();
  };
  globalThis.addEventListener("error", hear);
  let isToClose = false;
  let closed: Promise<void> | undefined;
  const own = await Scheduler.start({
    procs: 1,
    stallMs: 20,
    onStall: () => {
      if (isToClose) closed ??= own.close();
      throw new RangeError("a stall");
    },
  });
  const [entered, go] = [new Flag(), new Flag()];
  const stalls = own.go(busyUntil(entered.buffer, go.buffer));
  await until(() => uncaught.length > 0, "the stall is reported");
  go.value = 1;
  await soon(stalls, "the task that stalled");
  await soon(own.go(nothing()), "the next one");
  go.value = 0;
  isToClose = true;
  const last = own.go(busyUntil(entered.buffer, go.buffer));
  await assertRejects(() => soon(last, "the last one"), SchedulerClosedError);
  await soon(closed!, "close()");
  // On a busy machine what computes for less is found to stall, too.
  await until(() => uncaught.length >= 2, "that was thrown, too");
  globalThis.removeEventListener("error", hear);
  assertEquals(new Set(uncaught), new Set(["a stall"]));
});

Deno.test("a source that throws, or closes the scheduler, ends its iteration and nothing else", async () => {
  const throwing = {
    *[Symbol.iterator]() {
      yield 1;
      throw new RangeError("the source");
    },
  };
  await assertRejects(
    () => soon(Array.fromAsync(parallelMap(sched, throwing, echo)), "the map"),
    RangeError,
    "the source",
  );
  await assertRejects(
    () => soon(Array.fromAsync(pipeline(sched, throwing, [doubling])), "the pipeline"),
    RangeError,
    "the source",
  );
  const own = await Scheduler.start({ procs: 1 });
  let closed: Promise<void> | undefined;
  const closing = {
    *[Symbol.iterator]() {
      yield 1;
      closed = own.close();
      yield 2;
    },
  };
  await assertRejects(
    () => soon(Array.fromAsync(parallelMap(own, closing, echo)), "the map"),
    SchedulerClosedError,
  );
  await soon(closed!, "close()");
});

Deno.test("after all that the task beside it is still there", async () => {
  leave.value = 1;
  assertEquals(await soon(beside, "the neighbour"), tid);
});
