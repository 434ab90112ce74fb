/** What each thread sets up for itself: `perThread`, `ctx.use`, `ctx.used`, and `warm`. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel, perThread, Scheduler, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";

const journal = await Deno.makeTempFile();
// Before the module is imported, here and in threads.
Deno.env.set("HEDDLE_TEST_JOURNAL", journal);
const {
  broken,
  computesOn,
  exits,
  hasModel,
  holdsModel,
  misuses,
  model,
  usedTogether,
  usesAll,
  usesBroken,
  usesFlaky,
  usesModel,
} = await import("../tasks/opening.ts");

const sched = await Scheduler.start({ procs: 1 });
Deno.test.afterAll(async () => {
  await sched.close();
  await Deno.remove(journal);
});

/** The lines that were told in that time. */
async function telling(run: () => Promise<void>): Promise<string[]> {
  Deno.truncateSync(journal);
  await run();
  return Deno.readTextFileSync(journal).split("\n").slice(0, -1);
}

Deno.test("tasks of a thread that ask while it is opened get the same, and one that is cancelled meanwhile goes", async () => {
  const held = new Channel<void>(sched);
  await soon(sched.go(holdsModel(held)), "the gate");
  let tid = 0;
  const told = await telling(async () => {
    const [gone, ...others] = [1, 2, 3].map(() => sched.go(usesModel()));
    await until(() => others.every(({ state }) => state === "running"), "all wait for it");
    gone.cancel("not needed");
    assertEquals(await gone.catch((reason) => reason), "not needed");
    assertEquals(await soon(sched.go(hasModel()), "another task"), false);
    await until(() => Deno.readTextFileSync(journal).includes("not used"), "it goes on");
    held.close();
    const used = await soon(Promise.all(others), "those that wait");
    tid = used[0].tid;
    for (const each of used) {
      assertEquals(each, { tid, threadTid: tid, number: used[0].number, isSame: true });
    }
    assertEquals(await soon(sched.go(hasModel()), "another task"), true);
  });
  assertEquals(told, [`model opened by ${tid}`, "not used: not needed"]);
});

Deno.test("a failure is told to all who asked, and the next to ask tries again", async () => {
  const failed = "RangeError: not the first time";
  assertEquals(await soon(sched.go(usesFlaky()), "the tries"), [failed, failed, "2", "2"]);
  for (let i = 0; i < 2; i++) {
    const error = await assertRejects(() => soon(sched.go(usesBroken()), "what fails"), RangeError);
    assertEquals(error.message, "broken");
  }
});

Deno.test("a thread that is dedicated to a task opens its own, and closes it when the task has ended", async () => {
  let tids: number[] = [];
  const told = await telling(async () => {
    const used = await soon(Promise.all([sched.go(usesModel()), sched.dedicate(usesModel())]), "both");
    tids = used.map(({ tid }) => tid);
    assertEquals(used.map(({ threadTid }) => threadTid), tids);
    assert(used[0].number !== used[1].number);
    await until(() => Deno.readTextFileSync(journal).includes("closed"), "it is closed");
  });
  assertEquals(told, [`model opened by ${tids[1]}`, `model closed by ${tids[1]}`]);
});

Deno.test("the scheduler's end closes what was opened last first, whatever that throws or never ends, but not of who computes on", async () => {
  let tid = 0;
  const told = await telling(async () => {
    const other = await Scheduler.start({ procs: 1 });
    const locker = await other.locker();
    tid = await soon(locker.go(usesAll()), "what opens all");
    const running = new Flag();
    other.go(computesOn(running.buffer)).catch(() => {});
    await until(() => running.value === 1, "one computes");
    await soon(other.close(), "the end");
  });
  const closed = told.filter((line) => !line.includes("opened"));
  assertEquals(closed, [
    "throwing closed",
    'Uncaught (in a Heddle thread, as "throwing" was closed): as it was closed',
    "slow closed",
    `model closed by ${tid}`,
    "endless closed",
  ]);
});

Deno.test("those that wait for it die with their thread, and nothing is closed", async () => {
  const held = new Channel<void>(sched);
  const told = await telling(async () => {
    const locker = await sched.locker();
    await locker.go(holdsModel(held));
    const waits = locker.go(usesModel());
    await until(() => waits.state === "running", "it waits");
    await assertRejects(() => soon(locker.go(exits()), "what ends the thread"), ThreadDiedError);
    await assertRejects(() => soon(waits, "what waits"), ThreadDiedError);
    await locker.close();
  });
  assertEquals(told.length, 1);
  held.close();
});

Deno.test("what is not open or no such thing is refused with what would do", async () => {
  const [notOpen, ...wrong] = await soon(sched.go(misuses()), "the errors");
  assertEquals(
    notOpen,
    'Error: ctx.used: "broken" is not open on this thread: await ctx.use(…) before, which opens it if need be.',
  );
  assertEquals(wrong, [
    'TypeError: ctx.use([object Object]): give what perThread(import.meta, "name", open) has made.',
    'TypeError: ctx.used(model): give what perThread(import.meta, "name", open) has made.',
  ]);
  const wrongs: [unknown[], string][] = [
    [[{}, "a", () => {}], "perThread([object Object], …): give import.meta"],
    [[import.meta, "a#b", () => {}], 'perThread(import.meta, "a#b", …): give a name without "#"'],
    [[import.meta, "a", 1], 'perThread(import.meta, "a", 1): give a function.'],
    [[import.meta, "a", () => {}, 1], 'perThread(import.meta, "a", …, 1): give a function, or nothing.'],
  ];
  // deno-lint-ignore no-explicit-any -- what no TypeScript would pass
  for (const [args, message] of wrongs) assertThrows(() => (perThread as any)(...args), TypeError, message);
  const twice = () => perThread(import.meta, "twice", () => {});
  twice();
  assertThrows(twice, TypeError, 'defines a second perThread "twice"');
});

Deno.test("what is to be warm is open on each thread of the pool before start() resolves, once, and closed with it", async () => {
  const told = await telling(async () => {
    await using warm = await Scheduler.start({ procs: 2, warm: [model, model, usesModel] });
    assertEquals(Deno.readTextFileSync(journal).match(/opened/g)?.length, 2);
    const here = new Flag();
    const both = [1, 2].map(() => warm.go(usedTogether(here.buffer, 2)));
    assertEquals(await soon(Promise.all(both), "a task on each"), [true, true]);
  });
  const [opened, closed] = ["opened", "closed"].map((what) =>
    told.filter((line) => line.includes(what)).map((line) => line.split(" ").at(-1)).sort()
  );
  assertEquals([opened.length, closed], [2, opened]);
});

Deno.test("what cannot be opened as it should be warm is an error of start()", async () => {
  const error = await assertRejects(() => Scheduler.start({ procs: 1, warm: [broken] }), Error);
  assert(
    /opening\.ts defines as "broken", which was to be warm, did not open in a thread/.test(error.message),
  );
  assertEquals(error.cause, "RangeError: broken");
});
