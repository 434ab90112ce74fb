/** Stacks of failures, and what the types of a task say. */
import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { type Call, Scheduler, type Task, task, TaskTimeoutError, ThreadDiedError } from "@heddle/heddle";
import { exitOfNode } from "../tasks/dying.ts";
import { sleeps } from "../tasks/growing.ts";
import { apart, branch, deep, last, later, leaf, losesChild } from "../tasks/tracing_back.ts";

/** Of the lines of a stack what is the same wherever the files are. */
function linesOf(error: Error): string[] {
  return error.stack!.split("\n").map((line) => line.replace(/^ *at /, "").replace(/\(?file:.*\/|\)$/g, ""));
}

async function failureOf(task: PromiseLike<unknown>): Promise<Error> {
  try {
    await task;
  } catch (error) {
    return error as Error;
  }
  throw new Error("It should have failed.");
}

const HERE = /^async failureOf stack_traces_test\.ts:\d+:\d+$/;

function isAwaitedHere(error: Error, lines: string[]): void {
  const all = linesOf(error);
  assertEquals(all.slice(0, lines.length), lines);
  assert(HERE.test(all[lines.length]), error.stack);
  // And the test, which awaits that.
  assert(all.slice(lines.length).every((line) => line.includes("stack_traces_test.ts")), error.stack);
}

Deno.test("a stack has lines of users alone, and where the task is awaited", async (t) => {
  await using sched = await Scheduler.start({ procs: 2 });

  await t.step("of a task of the host", async () => {
    const lines = ["RangeError: bad 1", "helper tracing_back.ts:6:9", "leaf tracing_back.ts:9:76"];
    const error = await failureOf(sched.go(leaf(1)));
    isAwaitedHere(error, lines);
    assertEquals(linesOf(error.cause as Error).slice(0, 2), ["Error: why", "helper tracing_back.ts:6:45"]);
    assert(!(error.cause as Error).stack!.includes("heddle:"), "the cause has none of ours");
  });

  await t.step("after an await", async () => {
    const error = await failureOf(sched.go(later(1)));
    isAwaitedHere(error, ["RangeError: bad 1", "helper tracing_back.ts:6:9", "later tracing_back.ts:13:10"]);
  });

  await t.step("of a child, through its parent", async () => {
    const error = await failureOf(sched.go(branch(1)));
    const lines = ["RangeError: bad 1", "helper tracing_back.ts:6:9", "leaf tracing_back.ts:9:76"];
    isAwaitedHere(error, [...lines, "async branch tracing_back.ts:17:10"]);
  });

  await t.step("of a child on another thread", async () => {
    const error = await failureOf(sched.go(apart()));
    const lines = ["RangeError: bad 1", "helper tracing_back.ts:6:9", "later tracing_back.ts:13:10"];
    isAwaitedHere(error, [...lines, "async apart tracing_back.ts:24:10"]);
  });

  await t.step("of a deep tree there are not more than can be read", async () => {
    const error = await failureOf(sched.go(deep(200)));
    assertLess(linesOf(error).length, 80);
  });

  await t.step("of what the scheduler says itself", async () => {
    const late = await failureOf(sched.go(sleeps(60_000), { timeout: 1 }));
    assert(late instanceof TaskTimeoutError);
    assert(HERE.test(linesOf(late)[1]), late.stack);
    const task: Task<unknown> = sched.go(sleeps(60_000));
    task.cancel();
    const cancelled = await failureOf(task);
    assert(
      linesOf(cancelled).slice(1).every((line) => line.includes("stack_traces_test.ts")),
      cancelled.stack,
    );
    const refused = assertThrows(() => sched.go(last([Symbol()])), DOMException) as Error;
    assert(linesOf(refused)[1].includes("stack_traces_test.ts"), refused.stack);
  });

  await t.step("of a death of its thread, also through a parent that lives", async () => {
    const lost = await failureOf(sched.go(exitOfNode()));
    assert(lost instanceof ThreadDiedError);
    isAwaitedHere(lost, [`ThreadDiedError: ${lost.message}`]);
    const ofChild = await failureOf(sched.dedicate(losesChild()));
    isAwaitedHere(ofChild, [`ThreadDiedError: ${ofChild.message}`, "async losesChild tracing_back.ts:36:3"]);
  });

  await t.step("a reason of the program's own is as it was", async () => {
    const reason = new Error("mine");
    const { stack } = reason;
    const task = sched.go(sleeps(60_000));
    task.cancel(reason);
    assertEquals((await failureOf(task)).stack, stack);
  });

  await t.step("there is none where the program wants none", async () => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      const error = await failureOf(sched.go(sleeps(60_000), { timeout: 1 }));
      assertEquals(error.stack, `${error.name}: ${error.message}`);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  });

  await t.step("a call that nobody has started says what was meant", async () => {
    const error = await failureOf(leaf(1) as unknown as Promise<number>);
    assertEquals(
      error.message,
      `A call of task "leaf" was awaited that nobody has started: await go(leaf(…)).`,
    );
  });

  await t.step("a generic task keeps its parameter", async () => {
    const call: Call<number> = last([1, 2, 3]);
    const number: number = await sched.go(call);
    const text: string = await sched.go(last(["a", "b"]));
    assertEquals([number, text], [3, "b"]);
  });
});

Deno.test("an argument that cannot be copied is a type error", () => {
  const meta = { url: "test:types" } as ImportMeta;
  // @ts-expect-error: a function.
  task(meta, "callback", (_ctx, callback: () => void) => callback());
  // @ts-expect-error: a symbol.
  task(meta, "named", (_ctx, name: symbol) => name.description);
  // @ts-expect-error: what holds its keys weakly.
  task(meta, "weak", (_ctx, map: WeakMap<object, number>) => map.has({}));
  // @ts-expect-error: one of several.
  task(meta, "maybe", (_ctx, n: number, callback?: () => void) => callback?.() ?? n);
  // @ts-expect-error: a list of functions, given to a generator.
  task(meta, "several", function* (_ctx, callbacks: (() => void)[]) {
    yield callbacks.length;
  });
  task(
    meta,
    "anything",
    // deno-lint-ignore no-explicit-any -- what TypeScript knows nothing of
    (_ctx, any: any, unknown: unknown, words: Map<string, Date>) => [any, unknown, words],
  );
});
