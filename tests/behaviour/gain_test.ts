/** Whom it pays to preempt, how many threads that makes, and what threads import ahead of need. */
import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { preemption } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { answer, hog, work } from "../tasks/hogging.ts";

const LIMIT = 60_000;
const slow = import.meta.resolve("../tasks/slow_to_import.ts");

/** Runs it with a module that counts who imports it, this isolate aside. */
async function countingImports(
  run: (spins: typeof import("../tasks/slow_to_import.ts").spins, imports: () => number) => Promise<void>,
) {
  const file = await Deno.makeTempFile();
  const { spins } = await import("../tasks/slow_to_import.ts");
  Deno.env.set("HEDDLE_TEST_IMPORTS", file);
  try {
    await run(spins, () => Deno.readTextFileSync(file).length);
  } finally {
    Deno.env.delete("HEDDLE_TEST_IMPORTS");
    await Deno.remove(file);
  }
}

/** The most threads that there were, until it was over. */
async function mostThreads(sched: Scheduler, over: Promise<unknown>): Promise<number> {
  let [most, isOver] = [0, false];
  const ended = over.finally(() => isOver = true);
  await until(() => (most = Math.max(most, sched.stats().threads), isOver), "the end", LIMIT);
  await ended;
  return most;
}

Deno.test("sixty equal tasks behind a module that takes its time are run by a few threads that import it", async () => {
  await countingImports(async (spins, imports) => {
    await using sched = await Scheduler.start({ procs: 1 });
    const all = Promise.all(Array.from({ length: 60 }, () => sched.go(spins(30))));
    assertLess(await mostThreads(sched, all), 1 + 2 + 1);
    assertLess(imports(), 1 + 2 + 1);
    assertGreater(imports(), 0);
  });
});

Deno.test("a queue of equal tasks makes no more threads than its Ps need", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  const all = Promise.all(Array.from({ length: 60 }, () => sched.go(work("loop", 30))));
  assertLess(await mostThreads(sched, all), 2 + 2 + 1);
});

preemption.test("a long task is frozen for short ones", async () => {
  await using sched = await Scheduler.start({ procs: 1, warm: [work] });
  await soon(sched.go(answer(1, 0)), "one of the short ones: how long it takes is known");
  const long = sched.go(work("loop", 3000));
  await until(() => long.state === "running", "it runs");
  const others = Array.from({ length: 20 }, () => sched.go(answer(0, 0)));
  await soon(Promise.all(others), "the short ones");
  assertEquals(long.state, "running");
  assertGreater(sched.stats().preempted, 0);
  await soon(long, "the long one");
  assertLess(sched.stats().threads, 1 + 2 + 1);
});

preemption.test("endless tasks of one definition on all Ps, and more of them than Ps, stop nobody", async () => {
  await using sched = await Scheduler.start({ procs: 2, sliceMs: 2 });
  for (let i = 0; i < 4; i++) sched.go(hog("loop")).catch(() => {});
  // What waits for a timer may get one of the loops as a neighbour on its thread, and go on no more.
  await soon(sched.go(nothing()), "another one");
  await until(() => sched.stats().frozenThreads === 2, "all four have begun");
});

preemption.test("of the first ones of its kind each is given a thread in the end", async () => {
  await using sched = await Scheduler.start({ procs: 1, sliceMs: 1 });
  const all = Promise.all(Array.from({ length: 4 }, () => sched.go(work("loop", 400))));
  assertGreater(await mostThreads(sched, all), 2);
});

Deno.test("what is to be warm is imported by each thread before start() resolves, and once", async () => {
  await countingImports(async (spins, imports) => {
    await using sched = await Scheduler.start({ procs: 2, warm: [spins, slow, new URL(slow)] });
    assertGreater(imports(), 1);
    await soon(Promise.all([1, 2, 3].map(() => sched.go(spins(20)))), "some more");
    await until(() => imports() === sched.stats().threads, "the spare has it too");
  });
});

Deno.test("what cannot be warm is an error of start()", async () => {
  const module = import.meta.resolve("../tasks/throws_in_threads.ts");
  const error = await assertRejects(() => Scheduler.start({ procs: 1, warm: [module] }), Error);
  assert(
    error.message.startsWith(`${module}, which was to be warm, did not load in a thread`),
    error.message,
  );
  // deno-lint-ignore no-explicit-any -- what no TypeScript would pass
  const wrong: [warm: any, message: string][] = [
    [
      "tasks.ts",
      "Scheduler.start: warm is tasks.ts: give an array of tasks, what perThread() makes, and module URLs.",
    ],
    [
      ["./tasks.ts"],
      "Scheduler.start: warm has ./tasks.ts: give tasks, what perThread() makes, and URLs of modules",
    ],
    [
      [nothing()],
      "Scheduler.start: warm has [object Object]: give tasks, what perThread() makes, and URLs of modules",
    ],
  ];
  for (const [warm, message] of wrong) {
    await assertRejects(() => Scheduler.start({ procs: 1, warm }), TypeError, message);
  }
});

Deno.test("a thread that has nothing to do imports what another one has, but not beside a task, and a spare does not", async () => {
  await countingImports(async (spins, imports) => {
    await using sched = await Scheduler.start({ procs: 2, preempt: false });
    const first = sched.go(spins(0));
    await until(() => imports() === 1, "one imports it", LIMIT);
    const beside = sched.go(work("loop", 1500));
    await soon(first, "its task");
    assertEquals(beside.state, "running");
    await soon(beside, "the task beside it", LIMIT);
    assertEquals(imports(), 1);
    await until(() => imports() === 2, "the other one imports it", LIMIT);
    // Whoever has it by now wakes the next that has not, if there is one.
    await soon(Promise.all(Array.from({ length: 20 }, () => sched.go(spins(5)))), "tasks on both", LIMIT);
    await until(() => sched.stats().threads === 3, "two threads, and a spare");
    assertEquals(imports(), 2);
  });
});
