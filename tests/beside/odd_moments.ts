/** Calls, locks and deaths at moments at which they were once handled wrongly. */
import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { Scheduler, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { exits } from "../tasks/thread_locking.ts";
import { blocksAfterAwaits, script, type Step, undedicatesInCall } from "../tasks/script.ts";

class Words {
  readonly buffer = new SharedArrayBuffer(64);
  readonly #words = new Int32Array(this.buffer);
  get(i: number): number {
    return Atomics.load(this.#words, i);
  }
  set(i: number): void {
    Atomics.store(this.#words, i, 1);
  }
}

/** Two that begin on one thread, as the thread of the first one sleeps in its event loop. */
async function together(sched: Scheduler, words: Words, first: Step[], second: Step[]) {
  const a = sched.go(script([["say", 14], ...first], words.buffer));
  await until(() => words.get(14) === 1, "the first one runs");
  const b = sched.go(script([["say", 15], ...second], words.buffer));
  await until(() => words.get(15) === 1, "the second one runs");
  return [a, b];
}

Deno.test("a start does not freeze the host while of the threads without a P only locked ones sleep", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2 });
  const words = new Words();
  const locked = sched.go(script([["lock"], ["say", 0], ["sleep", 2_000], ["unlock"]], words.buffer));
  await until(() => words.get(0) === 1, "it is locked");
  const blocked = sched.go(script([["say", 1], ["handOff", 2e6]], words.buffer));
  await until(() => words.get(1) === 1, "it blocks");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const start = performance.now();
  const task = sched.go(nothing());
  const frozen = performance.now() - start;
  await soon(Promise.all([task, locked, blocked]), "all of them");
  assertLess(frozen, 1_000);
});

Deno.test("a thread whose dedicated task has ended can be dedicated by another task of it", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Words();
  const [a, b] = await together(
    sched,
    words,
    [["await", 0], ["dedicate"]],
    [["await", 1], ["dedicate"], ["say", 3], ["sleep", 2_500]],
  );
  words.set(0);
  const first = await soon(a, "the first");
  const beside = sched.go(script([["await", 3], ["sleep", 500]], words.buffer));
  await until(() => beside.state === "running", "a third one runs");
  await new Promise((resolve) => setTimeout(resolve, 200));
  words.set(1);
  // The second one wrote into the record of the host, which nobody wakes any more.
  const late = await soon(beside, "the third one", 2_000).catch((error) => error.message);
  const second = await soon(b, "the second");
  assertEquals(first, second, "the two were not on one thread: the test says nothing");
  assert(typeof late === "number", String(late));
});

Deno.test("a locker's task does not begin inside of another one that looks at shouldYield", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await using locker = await sched.locker();
  const words = new Words();
  const first = locker.go(script([["say", 0], ["pollUntil", 1]], words.buffer));
  await until(() => words.get(0) === 1, "it runs");
  // Its module is there by now, and a number goes without a port; so the second begins as soon as it is read.
  const second = locker.go(script([["compute", 1]]));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const state = second.state;
  words.set(1);
  await soon(Promise.all([first, second]), "both");
  assertEquals(state, "queued");
});

Deno.test("a locker's task hears of its cancellation although another one arrived meanwhile", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const locker = await sched.locker();
  const words = new Words();
  // Without a first await: the runner knows it as the current one.
  const first = locker.go(script([["say", 0], ["untilCancelled", 1]], words.buffer));
  await until(() => words.get(0) === 1, "it runs");
  const second = locker.go(script([]));
  await new Promise((resolve) => setTimeout(resolve, 300));
  first.cancel();
  await until(() => words.get(1) === 1, "it hears of it");
  await soon(second, "the second");
  await soon(locker.close(), "close()");
});

Deno.test("arguments that cannot be copied leave no dedicated thread behind", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 4 });
  // deno-lint-ignore no-explicit-any -- what no TypeScript would pass
  const wrong = script([() => {}] as any);
  for (let i = 0; i < 5; i++) assertThrows(() => sched.dedicate(wrong), DOMException);
  assertEquals(sched.stats().dedicatedThreads, 0);
});

Deno.test("a locked task that only yields lets others run", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Words();
  const locked = sched.go(script([["lock"], ["say", 0], ["yieldUntil", 1], ["unlock"]], words.buffer));
  await until(() => words.get(0) === 1, "it is locked");
  const late = await soon(sched.go(nothing()), "a task beside it").catch((error) => error);
  words.set(1);
  await soon(locked, "the locked one");
  assertEquals(late, undefined);
});

Deno.test("locked tasks that await children do not hang at maxThreads", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2 });
  const words = new Words();
  const tasks = [1, 2].map(() =>
    sched.go(script([["lock"], ["say", 0], ["outside", 200], ["child", []], ["unlock"]], words.buffer))
  );
  // A RangeError would do, too.
  for (const task of tasks) task.catch(() => {});
  await soon(Promise.allSettled(tasks), "both end");
});

Deno.test("a thread that is unlocked after a plain await is one of the pool again", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Words();
  const unlocked = sched.go(
    script([["lock"], ["outside", 50], ["unlock"], ["say", 0], ["outside", 12_000]], words.buffer),
  );
  await until(() => words.get(0) === 1, "it is unlocked");
  const blocked = sched.go(script([["say", 1], ["blockUntil", 2]], words.buffer));
  await until(() => words.get(1) === 1 && sched.stats().blockedThreads === 1, "the other thread blocks");
  await new Promise((resolve) => setTimeout(resolve, 300));
  const start = performance.now();
  const task = sched.go(nothing());
  const frozen = performance.now() - start;
  const late = await soon(task, "a task").catch((error) => error);
  words.set(2);
  await soon(blocked, "the blocked one");
  unlocked.cancel();
  await unlocked.catch(() => {});
  assertEquals(late, undefined);
  assertLess(frozen, 1_000);
});

Deno.test("a task that is started as its locker dies settles, and no other thread gets it", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Words();
  // It has the first slot while the locker starts, so that a later task of the locker is the first to be lost.
  const first = sched.go(script([["await", 0]], words.buffer));
  const locker = await sched.locker();
  words.set(0);
  await soon(first, "the first");
  let late: Promise<unknown> | undefined;
  const told: unknown[] = [];
  const tasks = Array.from({ length: 4 }, () => locker.go(script([["sleep", 60_000]])));
  for (const task of tasks) {
    task.catch(() => {
      if (late !== undefined) return;
      try {
        late = locker.go(nothing());
      } catch (error) {
        late = Promise.reject(error);
      }
      late.catch((error) => told.push(error));
    });
  }
  locker.go(exits()).catch(() => {});
  await until(() => late !== undefined, "one is lost");
  await assertRejects(() => soon(late!, "the late one"), Error, "died");
});

Deno.test("a cancelled task of a locker that dies gives its slot back", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 4 });
  const locker = await sched.locker();
  await until(() => sched.stats().inFlight === 0, "nothing is in flight");
  // In the slots: the locker's own task, one that ends the thread, two that are cancelled before they begin.
  const words = new Words();
  const end = locker.go(script([["say", 0], ["spinUntil", 1], ["exit"]], words.buffer));
  await until(() => words.get(0) === 1, "it runs");
  const cancelled = [1, 2].map(() => locker.go(nothing()));
  for (const task of cancelled) task.cancel();
  words.set(1);
  await assertRejects(() => soon(end, "the end"));
  const others = Array.from({ length: 4 }, () => sched.go(script([["await", 2]], words.buffer)));
  await until(() => others.every(({ state }) => state === "running"), "all four slots are to be had");
  words.set(2);
  await soon(Promise.all(others), "the others");
});

Deno.test("undedicate() inside of a blocking call of a dedicated thread is refused", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  assert((await soon(sched.go(undedicatesInCall()), "it")).includes("inside of ctx.blocking()"));
});

Deno.test("a locker that finds no slot for its tasks is refused", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 1 });
  await assertRejects(() => soon(sched.locker(), "the locker"), RangeError);
});

for (let hops = 0; hops < 5; hops++) {
  Deno.test(`nobody relies on a thread that computes (${hops} microtasks after a kick)`, async () => {
    await using sched = await Scheduler.start({ procs: 2 });
    const words = new Words();
    const computing = sched.go(
      script(
        [["outside", 300], ["resumeLater"], ["microtasks", hops], ["say", 0], ["spinUntil", 1]],
        words.buffer,
      ),
    );
    // The other thread is warm, and has the module.
    await soon(Promise.all([1, 2].map(() => sched.go(script([["compute", 20_000]])))), "warm");
    await until(() => words.get(0) === 1, "it computes");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { spinning } = sched.stats();
    const late = await soon(sched.go(nothing()), "a task", 3_000).catch((error) => error);
    words.set(1);
    await soon(computing, "the computing one");
    assertEquals([spinning, late], [0, undefined]);
  });
}

Deno.test("a dedicated task that is cancelled before it begins frees its thread", async () => {
  // There is no other spare to start, which would take longer than the thread takes to begin the task.
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2 });
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const task = sched.dedicate(script([]));
    task.cancel();
    await assertRejects(() => task, DOMException);
    await until(() => sched.stats().dedicatedThreads === 0, `thread ${i} ends`);
  }
});

Deno.test("threads that die with children in queues are replaced at maxThreads", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2 });
  const leaf: Step[] = [["compute", 1]];
  const dies: Step[] = [["start", leaf], ["start", leaf], ["block", 0], ["exit"]];
  const root = sched.go(script([["start", dies], ["start", dies], ["block", 0], ["exit"]]));
  await assertRejects(() => soon(root, "the root"), ThreadDiedError);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await soon(sched.go(nothing()), "a task after it");
});

/** Two on different threads: when word 1 is set the first one computes without a P, and the second one has a P. */
async function apart(sched: Scheduler, words: Words, us: number, second: Step[]) {
  const first = sched.go(
    script([["say", 0], ["handOffUntil", 3], ["outside", 400], ["say", 1], ["compute", us]], words.buffer),
  );
  await until(() => words.get(0) === 1, "the first one blocks");
  const steps: Step[] = [["say", 2], ["await", 1], ["compute", 50_000], ["say", 4], ...second];
  const other = sched.go(script(steps, words.buffer));
  await until(() => words.get(2) === 1, "the second one waits");
  words.set(3);
  return [first, other];
}

Deno.test("a P that a task hands on is taken back from a thread that does not come for it", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Words();
  const both = await apart(sched, words, 2e6, [["handOff", 1.5e6]]);
  await until(() => words.get(4) === 1, "the second one hands off");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const start = performance.now();
  await soon(sched.go(nothing()), "a task");
  const ms = performance.now() - start;
  await soon(Promise.all(both), "both");
  assertLess(ms, 1_000);
});

Deno.test("a P that a task hands on as its thread dies has one holder", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Words();
  const [first, dies] = await apart(sched, words, 1e6, [["dedicate"], ["exit"]]);
  await assertRejects(() => soon(dies, "the dying one"), ThreadDiedError);
  await soon(first, "the first one");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals(sched.stats().idleProcs, 1);
});

Deno.test("the number of a thread that ended is used as soon as its children have ended", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 3 });
  const words = new Words();
  // It ends with its thread, and leaves a child that goes on elsewhere.
  const parent = sched.go(
    script([["lock"], ["start", [["say", 0], ["dedicate"], ["await", 1], ["child", []]]], ["await", 0], [
      "throw",
    ]], words.buffer),
  );
  await assertRejects(() => soon(parent, "the parent"), RangeError);
  const second = sched.go(script([["say", 2], ["dedicate"], ["child", []]], words.buffer));
  await until(() => words.get(2) === 1, "it is dedicated");
  await new Promise((resolve) => setTimeout(resolve, 500));
  words.set(1);
  await soon(Promise.allSettled([second]), "the second one");
  await soon(sched.go(nothing()), "a task");
});

Deno.test("a thread whose task blocks after a plain await does not end by an invariant", async () => {
  await using sched = await Scheduler.start({ procs: 3 });
  const rounds = 2_000;
  const tasks = Array.from({ length: 6 }, () => sched.go(blocksAfterAwaits(rounds)));
  assertEquals(await soon(Promise.all(tasks), "the tasks"), tasks.map(() => rounds));
});

Deno.test("a thread that the pool was promised in place of a dedicated one is not given to another task", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2 });
  const words = new Words();
  const steps: Step[] = [["outside", 300], ["dedicate"], ["say", 1], ["outside", 300], ["child", []]];
  const first = sched.go(script(steps, words.buffer));
  await until(() => words.get(1) === 1, "it is dedicated");
  let second: Promise<unknown> | undefined;
  try {
    second = sched.dedicate(script([["child", []]]));
  } catch (error) {
    assert(error instanceof RangeError);
  }
  await soon(Promise.allSettled([first, second]), "both end");
});

Deno.test("a task that waits for a slot gets one that was free before its last cancellation was read", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 1 });
  const words = new Words();
  await soon(sched.go(script([["say", 1]], words.buffer)), "its module is there");
  for (let i = 0; i < 200; i++) {
    const task = sched.go(nothing());
    // It may have ended, and the host does not know.
    for (const end = performance.now() + 0.02 * (i % 10); performance.now() < end;);
    task.cancel();
    await soon(sched.go(nothing()), `the task after cancellation ${i}`);
  }
});

Deno.test("a P that is given to a thread whose event loop runs a task is not lost if that makes a blocking call", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 2 });
  await soon(sched.go(script([["block", 1]])), "its module is there");
  for (let turns = 0; turns < 8; turns++) {
    const words = new Words();
    // As a plain await goes on the thread sleeps without a P, as far as others can see.
    const first = sched.go(
      script([
        ["say", 2],
        ["outside", 20],
        ["say", 0],
        ["spinUntil", 1],
        ["resumeLater"],
        ["microtasks", turns],
        ["block", 1],
      ], words.buffer),
    );
    await until(() => words.get(2) === 1, "it runs");
    // Without a turn of the host's event loop: sysmon takes a P back that waits for 10 ms.
    for (const end = performance.now() + 20_000; words.get(0) === 0 && performance.now() < end;);
    const second = sched.go(nothing());
    words.set(1);
    await soon(Promise.all([first, second]), `both, with ${turns} turns`);
    await until(() => sched.stats().idleProcs === 1, `the P is idle, with ${turns} turns`);
  }
});
