import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { Channel, Scheduler, type Stall, TaskAbandonedError, ThreadDiedError } from "@heddle/heddle";
import { preemption } from "../support/capabilities.ts";
import { testCalled } from "../support/called.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { costOf } from "../support/growth.ts";
import { runProgram } from "../support/programs.ts";
import { tids, workersSince } from "../support/os_threads.ts";
import { busyUntil } from "../tasks/occupying.ts";
import {
  answer,
  churn,
  count,
  hog,
  kinds,
  looksUntilSet,
  operate,
  startHog,
  waitBeside,
  work,
} from "../tasks/hogging.ts";
import { script } from "../tasks/script.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// Slices --------------------------------------------------------------------------------------------------------------

for (const kind of kinds) {
  preemption.test(`a task answers beside one that never ends, on one P: ${kind}`, async () => {
    await using sched = await Scheduler.start({ procs: 1 });
    sched.go(hog(kind)).catch(() => {});
    await pause(50);
    const used = await costOf(() => soon(sched.go(answer(12, 10)), `${kind}: the answers`));
    // For each of them the other one has the 10 ms of its sleep, and a slice; on a busy machine also what it computes until
    // sysmon gets a CPU.
    assertLess(used / 12, 300, "ms of CPU for an answer");
    assertGreater(sched.stats().preempted, 0);
  });
}

Deno.test("without preemption a task waits for one that never ends", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  // For some time: there is nobody to end it.
  const busy = sched.go(work("loop", 600));
  await pause(50);
  const late = sched.go(answer(1, 1));
  assertEquals(await Promise.race([late, pause(300)]), undefined);
  assertEquals([sched.stats().preempted, late.state], [0, "queued"]);
  await soon(Promise.all([busy, late]), "both");
});

preemption.test("six endless tasks on two Ps all get their share, and two run at any time", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  const words = new Int32Array(new SharedArrayBuffer(6 * 64));
  for (let i = 0; i < 6; i++) sched.go(count(words, i * 16)).catch(() => {});
  const counts = () => Array.from({ length: 6 }, (_, i) => Atomics.load(words, i * 16));
  const start = performance.now();
  while (counts().some((n) => n === 0)) {
    assertLess(performance.now() - start, 20_000, `${counts()}`);
    await pause(10);
  }
  const before = counts();
  await pause(1000);
  const got = counts().map((n, i) => n - before[i]);
  const mean = got.reduce((a, b) => a + b) / 6;
  for (const n of got) assertGreater(n, mean / 4, `${got}`);
  // One that has just lost its P may be counted before the next one has thawed.
  await until(() => sched.stats().frozenThreads === 4, "two go on, four are frozen");
});

preemption.test("a task that nobody waits behind is left alone", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  await soon(Promise.all([sched.go(work("loop", 300)), sched.go(work("sort", 300))]), "the work");
  assertEquals(sched.stats().preempted, 0);
});

preemption.test("setProcs takes a P from a task that goes on computing", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  const words = new Int32Array(new SharedArrayBuffer(2 * 64));
  for (const index of [0, 16]) sched.go(count(words, index)).catch(() => {});
  await pause(100);
  sched.setProcs(1);
  while (sched.stats().frozenThreads !== 1) await pause(5);
});

// What is frozen, and what is not --------------------------------------------------------------------------------------

for (
  const [where, prefix, cycles] of [["two CPUs", [], 250], ["one CPU", ["taskset", "-c", "0"], 100]] as const
) {
  // Ten thousand are a task of their own: deno task freeze.
  preemption.test(`frozen and resumed ${cycles} times on ${where}, a mix of tasks computes what it should`, async () => {
    const { code, stdout, stderr } = await runProgram("freezes_and_resumes", {
      prefix: [...prefix],
      args: [`${cycles}`],
      ms: 120_000,
    });
    assertEquals([code, stdout], [0, `${cycles}: all right\n`], stderr);
  });
}

preemption.test("a thread is not frozen in the scheduler: tasks that do nothing but operate on a channel lose no value", async () => {
  await using sched = await Scheduler.start({ procs: 1, sliceMs: 1 });
  const channel = new Channel<number>(sched, 8);
  const ends = await soon(
    Promise.all(Array.from({ length: 4 }, () => sched.go(operate(channel, 200)))),
    "the operations",
    60_000,
  );
  let left = 0;
  for (let next = channel.tryRecv(); next !== undefined; next = channel.tryRecv()) left += next.value!;
  assertEquals(
    ends.reduce((sum, { sent }) => sum + sent, 0),
    ends.reduce((sum, { received }) => sum + received, left),
  );
  const { preempted, unfreezable } = sched.stats();
  assertGreater(preempted, 0);
  assertGreater(unfreezable.inScheduler, 0);
});

testCalled("a thread is not frozen in malloc: it loses its P there, and goes on", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  // What it calls is C and nothing else.
  const task = sched.go(churn(path, 400));
  await pause(50);
  const used = await costOf(() => soon(sched.go(answer(10, 5)), "the answers"));
  assertLess(used / 10, 300, "ms of CPU for an answer");
  const { unfreezable, frozenThreads } = sched.stats();
  assertEquals([frozenThreads, await soon(task, "the calls")], [0, "done"]);
  assertGreater(unfreezable.inNative, 0);
});

preemption.test("a thread is not frozen while it writes to stdout: others write at once, and no line is torn", async () => {
  const { code, stdout, stderr } = await runProgram("prints_beside_a_printer", { ms: 60_000 });
  assertEquals(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  assert(lines.every((line) => /^(a{200}|b{200})$/.test(line)), "torn lines");
  for (const letter of "ab") assertGreater(lines.filter((line) => line[0] === letter).length, 100);
  assertGreater(Number(stderr), 0);
});

preemption.test("a signal that is not the scheduler's goes to who listened before, and to who listens since", async () => {
  const { code, stdout, stderr } = await runProgram("listens_to_sigurg");
  assertEquals([code, stdout], [0, "before 1, since 1, preempted\n"], stderr);
});

preemption.test("a listener of SIGURG that comes after a scheduler is never called on a thread that is frozen in it", async () => {
  const { code, stdout, stderr } = await runProgram("listens_to_sigurg_later");
  assertEquals([code, stdout], [0, "true true\nheard\n"], stderr);
});

preemption.test("a dedicated task and a blocking call are not preempted", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Int32Array(new SharedArrayBuffer(64));
  sched.dedicate(count(words, 0)).catch(() => {});
  while (Atomics.load(words, 0) === 0) await pause(1);
  await soon(Promise.all([sched.go(work("loop", 200)), sched.go(answer(20, 5))]), "the pool");
  const { frozenThreads } = sched.stats();
  const before = Atomics.load(words, 0);
  await pause(50);
  assertEquals(frozenThreads, 0);
  assertGreater(Atomics.load(words, 0), before);
});

// Runaways ------------------------------------------------------------------------------------------------------------

for (const kind of ["loop", "wasm", "regex", "json"] as const) {
  preemption.test(`a task that never ends is abandoned, and the pool goes on: ${kind}`, async () => {
    await using sched = await Scheduler.start({ procs: 1, runawayMs: 150 });
    const [ready, never] = [new Channel<number>(sched), new Channel<number>(sched)];
    const beside = sched.go(waitBeside(ready, never));
    await soon(ready.recv(), "the task beside");
    const runaway = sched.go(hog(kind));
    const error = await assertRejects(() => soon(runaway, "the runaway"), TaskAbandonedError);
    assert(
      /^Task "hog" \(id \d+\) was abandoned: it ran for \d+ ms on end/.test(error.message),
      error.message,
    );
    const died = await assertRejects(() => soon(beside, "what was bound to its thread"), ThreadDiedError);
    assert(/task "hog" \(id \d+\) ran there for \d+ ms on end/.test(died.message), died.message);
    assertEquals((await soon(sched.go(answer(3, 1)), "the next task")).length, 3);
    assertEquals(sched.stats().inFlight, 0);
  });
}

preemption.test("the time in which a task is frozen does not count: four tasks on one P finish", async () => {
  await using sched = await Scheduler.start({ procs: 1, runawayMs: 600, sliceMs: 1 });
  const tasks = Array.from({ length: 4 }, () => sched.go(work("loop", 700)));
  await soon(Promise.all(tasks), "the tasks");
  assertGreater(sched.stats().preempted, 0);
});

preemption.test("a task hears of its child on another thread that ran on", async () => {
  await using sched = await Scheduler.start({ procs: 2, runawayMs: 500 });
  const heard = await soon(sched.go(startHog("elsewhere")), "the parent");
  assert(/^TaskAbandonedError: Task "hog" \(id \d+\) was abandoned: it ran for/.test(heard), heard);
});

preemption.test("a child that runs on takes its parent along, which says so", async () => {
  await using sched = await Scheduler.start({ procs: 1, runawayMs: 150 });
  const error = await assertRejects(() => soon(sched.go(startHog("here")), "the parent"), TaskAbandonedError);
  assert(/^Task "startHog" .* was abandoned: task "hog" \(id \d+\) ran/.test(error.message), error.message);
});

preemption.test("an abandoned task uses no CPU, keeps neither close() nor the process, and close() leaves no loop", async () => {
  const ways = ["close loop", "exit loop", "running loop", "early loop", "close json", "exit json"]
    .map((way) => way.split(" "));
  const outcomes = ways.map((args) => runProgram("abandons_a_task", { args }));
  (await Promise.all(outcomes)).forEach(({ code, stdout, stderr }, i) => {
    assertEquals(code, 0, stderr);
    assertLess(Number(stdout), 60, `ms of CPU within 500 ms: ${ways[i]}`);
  });
});

preemption.test("tasks that are frozen as their scheduler is closed end, and their threads with them", async () => {
  const before = new Set(tids());
  const sched = await Scheduler.start({ procs: 1 });
  const words = new SharedArrayBuffer(64);
  for (let i = 0; i < 3; i++) sched.go(script([["spinUntil", 0]], words)).catch(() => {});
  await until(() => sched.stats().frozenThreads === 2, "two are frozen");
  const closed = sched.close();
  Atomics.store(new Int32Array(words), 0, 1);
  await closed;
  await until(() => workersSince(before).length === 0, "no thread is left");
});

preemption.test("a thread that dies as it was given a P in the middle of its task leaves that to no other", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new SharedArrayBuffer(64);
  for (let i = 0; i < 3; i++) {
    new Int32Array(words).fill(0);
    // Without a step in the scheduler between the end of its freeze and its own.
    const dying = sched.go(script([["say", 0], ["spinUntil", 1], ["exit"]], words));
    const died = assertRejects(() => dying, ThreadDiedError);
    await until(() => Atomics.load(new Int32Array(words), 0) === 1, "it runs");
    await soon(sched.go(script([["say", 1]], words)), "the one that lets it go on");
    await soon(died, "the death");
    // On the thread that has its number now.
    await soon(sched.dedicate(answer(1, 1)), "a dedicated task");
    await until(() => sched.stats().dedicatedThreads === 0, "its thread ends");
    await soon(sched.go(answer(1, 1)), "a task");
  }
  await until(() => sched.stats().idleProcs > 0 && sched.stats().spinning === 0, "all sleep");
  assertEquals(sched.stats().idleProcs, 1);
});

preemption.test("options of preemption out of their range are errors", async () => {
  for (
    const [options, message] of [
      [{ runawayMs: 19 }, "runawayMs is 19: give an integer from 20 (sliceMs is 10)"],
      [{ sliceMs: 0 }, "sliceMs is 0: give an integer from 1 "],
      [{ stallMs: 0.5 }, "stallMs is 0.5: give an integer from 1 "],
    ] as const
  ) await assertRejects(() => Scheduler.start(options), RangeError, message);
  await assertRejects(
    () => Scheduler.start({ runawayMs: 100, preempt: false }),
    TypeError,
    "runawayMs was given and preempt is false",
  );
});

// Stalls --------------------------------------------------------------------------------------------------------------

Deno.test("a stall is reported once, with the task's name and what it was given", async () => {
  const stalls: Stall[] = [];
  await using sched = await Scheduler.start({
    procs: 1,
    stallMs: 200,
    onStall: (stall) => stalls.push(stall),
  });
  const [arrived, leave] = [new Flag(), new Flag()];
  const task = sched.go(busyUntil(arrived.buffer, leave.buffer));
  await until(() => stalls.length > 0, "the report");
  await pause(300);
  leave.value = 1;
  await soon(task, "the task");
  await soon(sched.go(answer(1, 1)), "a quick one");
  assertEquals(stalls.map(({ task, id, shape }) => [task, id, shape]), [
    ["busyUntil", task.id, "(SharedArrayBuffer, SharedArrayBuffer)"],
  ]);
  assertGreater(stalls[0].ms, 199);
  assertGreater(stalls[0].tid, 0);
});

Deno.test("a task that stalls and looks whether it should yield is reported with its stack", async () => {
  const stalls: Stall[] = [];
  await using sched = await Scheduler.start({
    procs: 1,
    stallMs: 50,
    onStall: (stall) => stalls.push(stall),
  });
  const end = new Flag();
  const looking = sched.go(looksUntilSet(end.buffer));
  await until(() => stalls.some(({ stack }) => stack !== undefined), "its stack");
  end.value = 1;
  await soon(looking, "the task");
  // The host may hear of the stall and of the stack at once.
  const { task, stack } = stalls.at(-1)!;
  assertEquals([task, stalls.filter((stall) => stall.stack !== undefined).length], ["looksUntilSet", 1]);
  const [first] = stack!.split("\n");
  assert(/ at .*hogging\.ts:\d+:\d+\)?$/.test(first), stack);
});
