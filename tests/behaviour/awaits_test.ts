// With `stacks: true` a dump says of each task what it awaits, and where, also while its thread hangs.
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import {
  Channel,
  type DumpedAwait,
  type DumpedStep,
  type DumpedTask,
  Mutex,
  RWMutex,
  Scheduler,
  Semaphore,
} from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import {
  awaitsChild,
  awaitsOwn,
  crosses,
  holdsAll,
  keeps,
  keepsFromChild,
  locksOther,
  locksOwn,
  locksTwice,
  quarrels,
  receivesDeep,
  selectsOne,
  sleepsLong,
  spins,
  waitsInCall,
  waitsOutside,
} from "../tasks/awaiting.ts";

const source = new URL("../tasks/awaiting.ts", import.meta.url);
const lines = (await Deno.readTextFile(source)).split("\n");

/** The line of the source that it is in. */
function lineOf({ at }: DumpedAwait): string {
  const line = /awaiting\.ts:(\d+):\d+\)?$/.exec(at[0] ?? "")?.[1];
  return lines[Number(line) - 1]?.trim() ?? `none: ${at}`;
}

Deno.test("a dump says what each task awaits, since when, and in which line", async (t) => {
  await using sched = await Scheduler.start({ procs: 2, stacks: true });
  const find = (id: number): DumpedTask | undefined => sched.dump().tasks.find((task) => task.id === id);
  /** The newest await of a task, once it is one that a pattern fits. */
  const awaited = async (id: number, pattern: RegExp): Promise<DumpedAwait> => {
    let found: DumpedAwait | undefined;
    await until(() => {
      found = find(id)?.awaits?.find(({ what }) => pattern.test(what));
      return found !== undefined;
    }, `task ${id} awaits ${pattern}`);
    return found!;
  };

  await t.step("a channel with its name, in a function that the task awaits", async () => {
    const numbers = new Channel<number>(sched, 0, { name: "numbers" });
    const task = sched.go(receivesDeep(numbers));
    const one = await awaited(task.id, /^receive/);
    assertMatch(one.what, /^receive from channel \d+ "numbers"$/);
    assertEquals(lineOf(one), "return await from.recv();");
    assertMatch(one.at[0], /^helps /);
    assertMatch(one.at[1], /^async receivesDeep /);
    assert(one.forMs >= 0 && one.forMs <= find(task.id)!.forMs!);
    // What is over is not there any more.
    assertEquals(find(task.id)!.awaits!.map(({ what }) => what).toSorted(), [
      "a promise of its own",
      one.what,
    ]);
    await numbers.send(1);
    assertEquals(await task, 2);
    await until(() => find(task.id) === undefined, "it has ended");
  });
  await t.step("a child, and that child, of which no other thread knows, what it awaits", async () => {
    const release = new Channel<number>(sched);
    const task = sched.go(awaitsChild(release));
    const { task: child, at } = await awaited(task.id, /^task \d+$/);
    assertEquals(lineOf({ at } as DumpedAwait), "return await child;");
    const one = await awaited(child!, /^receive from channel \d+ of this thread$|^receive from channel \d+$/);
    assertEquals(
      lineOf(one),
      `const receives = task(import.meta, "receives", async (_ctx, from: Channel<number>) => await from.recv());`,
    );
    assertEquals([find(child!)!.name, find(child!)!.parent], ["receives", task.id]);
    assertMatch(
      String(sched.dump()),
      new RegExp(`task ${child} \\[begun.*by task ${task.id}\n    awaits: receive from`),
    );
    await release.send(3);
    assertEquals(await task, 3);
  });
  await t.step("a lock, who holds it and where", async () => {
    const end = new AbortController();
    const accounts = new Mutex(sched, { name: "accounts" });
    const guard = await accounts.lock();
    const [own, other] = [sched.go(locksOwn(end.signal)), sched.go(locksOther(accounts))];
    const waits = await awaited(other.id, /^lock/);
    assertMatch(waits.what, /^lock mutex \d+ "accounts"$/);
    assertEquals([waits.heldBy, lineOf(waits)], [["host"], "using _guard = await mutex.lock();"]);
    const { what, heldBy } = await awaited(own.id, /^lock/);
    assertMatch(what, /^lock mutex \d+$/);
    assertEquals(heldBy, [find(own.id)!.thread]);
    const text = String(sched.dump());
    assertMatch(text, /awaits: lock mutex \d+ "accounts", held by the host\n {6}at locksOther /);
    assertMatch(text, new RegExp(`lock mutex \\d+, held by task ${own.id} \\(locksOwn\\) of thread \\d+\n`));
    end.abort();
    guard[Symbol.dispose]();
    await Promise.all([own, other]);
  });
  await t.step("a timer, a select, a promise of the outside by ctx.wait, and any other", async () => {
    const done = new Flag();
    const [one, two] = [new Channel<number>(sched), new Channel<number>(sched)];
    const sleeps = sched.go(sleepsLong());
    const tasks = [
      sched.go(selectsOne(one, two)),
      sched.go(waitsOutside(done.buffer)),
      sched.go(awaitsOwn(done.buffer)),
    ];
    assertEquals(lineOf(await awaited(sleeps.id, /^sleep$/)), "await ctx.sleep(1e6).catch(() => {});");
    const selects = await awaited(tasks[0].id, /^receive/);
    assertMatch(selects.what, /^receive from channel \d+ or receive from channel \d+$/);
    assertEquals(lineOf(selects), "await select([recv(one), recv(two)]);");
    assertEquals(
      lineOf(await awaited(tasks[1].id, /^a promise of the outside$/)),
      "await ctx.wait(isSet(done));",
    );
    // One of the two that it awaits; they come in any order.
    const line = "return Promise.resolve(value).then(() => {});";
    const isThere = (one: DumpedAwait) => one.what === "a promise of its own" && lineOf(one) === line;
    await until(() => find(tasks[2].id)?.awaits?.some(isThere) === true, "an await of its own");
    done.value = 1;
    Atomics.notify(done.words, 0);
    await one.send(1);
    sleeps.cancel();
    await soon(Promise.allSettled([...tasks, sleeps]), "they go on");
  });
  await t.step(
    "the task that has its turn, in the middle of it and in a call, while others wait on its thread",
    async () => {
      const [begun, go] = [new Flag(), new Flag()];
      const numbers = new Channel<number>(sched);
      const task = sched.go(spins(numbers, begun.buffer, go.buffer));
      await until(() => begun.value === 1, "it spins");
      const dump = sched.dump();
      const { thread } = dump.tasks.find(({ id }) => id === task.id)!;
      const there = dump.tasks.filter((each) => each.thread === thread);
      assertEquals(there.filter(({ hasTurn }) => hasTurn).map(({ name }) => name), ["spins"]);
      assertEquals(there[0].awaits, []);
      assertMatch(
        String(dump),
        new RegExp(`task ${task.id} \\[begun, thread \\d+ running, has its turn\\]: spins`),
      );
      go.value = 1;
      const inCall = sched.go(waitsInCall(go.buffer));
      const state = () => sched.dump().threads.find(({ tid }) => tid === find(inCall.id)?.thread)?.state;
      await until(() => state() === "in call", "it blocks");
      assertEquals(find(inCall.id)!.hasTurn, true);
      go.value = 2;
      Atomics.notify(go.words, 0);
      await numbers.send(1);
      await soon(Promise.all([task, inCall]), "they end");
    },
  );
  await t.step("many tasks await something, end, and leave nothing behind", async () => {
    const numbers = new Channel<number>(sched);
    const tasks = Array.from({ length: 100 }, () => sched.go(receivesDeep(numbers)));
    await until(
      () => sched.dump().tasks.filter(({ awaits }) => awaits?.length === 2).length === 100,
      "all wait",
    );
    // Equal ones are one entry.
    assertLess(String(sched.dump()).split("\n").length, 60);
    for (const _ of tasks) await numbers.send(1);
    await Promise.all(tasks);
    await until(() => sched.dump().tasks.length === 0, "no task is left");
  });
});

Deno.test("without stacks a dump says nothing of awaits, and knows no child that nobody else does", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const release = new Channel<number>(sched);
  const task = sched.go(awaitsChild(release));
  await until(() => sched.dump().objects.some(({ waiting }) => waiting.length > 0), "a child waits");
  const [only, ...others] = sched.dump().tasks;
  assertEquals([only.awaits, only.forMs, others], [undefined, undefined, []]);
  await release.send(1);
  await task;
});

Deno.test("with stacks a dump says which task holds a lock, and has circles of tasks of one thread", async (t) => {
  await using sched = await Scheduler.start({ procs: 1, stacks: true });
  // While somebody sleeps nothing is a deadlock.
  const sleeps = sched.go(sleepsLong());
  const cycles = () => sched.dump().cycles;
  const circle = async () => {
    await until(() => cycles().length === 1, "there is a circle");
    const [steps] = cycles();
    const tasks = new Map(sched.dump().tasks.map((task) => [task.id, task]));
    return steps.map((step, i) => {
      assertEquals(step.heldByTask, steps[(i + 1) % steps.length].task);
      assertEquals(tasks.get(step.task!)!.thread, step.thread);
      return step;
    });
  };
  const labels = (steps: readonly DumpedStep[]) => steps.map(({ waitsFor }) => waitsFor.replace(/\d+ ?/, ""));

  await t.step("two of a locker, about what the host has made, and nobody else of that thread", async () => {
    await using locker = await sched.locker();
    const [arrived, release] = [new Flag(), new Channel<number>(sched)];
    const [mine, yours] = ["mine", "yours"].map((name) => new Mutex(sched, { name }));
    const bystander = locker.go(receivesDeep(release));
    const tasks = [
      locker.go(crosses(mine, yours, arrived.buffer, 2)),
      locker.go(crosses(yours, mine, arrived.buffer, 2)),
    ];
    const steps = await circle();
    assertEquals(steps.map(({ task }) => task).toSorted(), tasks.map(({ id }) => id).toSorted());
    assertEquals(new Set(steps.map(({ thread }) => thread)), new Set([locker.tid]));
    assertEquals(labels(steps).toSorted(), ['mutex "mine"', 'mutex "yours"']);
    const dump = sched.dump();
    const holders = new Map(dump.objects.flatMap(({ label, heldBy }) => heldBy.map((by) => [label, by])));
    assertEquals(holders.get("mine"), { thread: locker.tid, times: 1, tasks: [tasks[0].id] });
    assertEquals(dump.tasks.find(({ id }) => id === tasks[1].id)!.holds, [
      dump.objects.find(({ label }) => label === "yours")!.name,
    ]);
    assertEquals(dump.tasks.find(({ id }) => id === bystander.id)!.holds, undefined);
    const [one, other] = steps.map(({ task }) => `task ${task} \\(crosses\\) of thread \\d+`);
    assertMatch(
      String(dump),
      new RegExp(
        `${one} waits for mutex \\d+ "\\w+", held by ${other}; ${other} waits for .*, held by ${one}\n`,
      ),
    );
    for (const task of tasks) task.cancel();
    await release.send(1);
    await Promise.allSettled([...tasks, bystander]);
  });
  await t.step("children that nobody else knows, about mutexes of theirs", async () => {
    const task = sched.go(quarrels(new Flag().buffer));
    const steps = await circle();
    assertEquals(labels(steps).toSorted(), ['mutex "fork"', 'mutex "knife"', 'mutex "spoon"']);
    task.cancel();
    await task.catch(() => {});
    await until(() => cycles().length === 0, "they have given up");
  });
  await t.step("a task that has what its child waits for, and one that waits for itself", async () => {
    const mutexes = [new Mutex(sched), new Mutex(sched)];
    const parent = sched.go(keepsFromChild(mutexes[0]));
    const [first, second] = (await circle()).toSorted((a, b) => a.task! - b.task!);
    assertEquals([first.task, first.waitsFor, first.heldByTask], [
      parent.id,
      `task ${second.task}`,
      second.task,
    ]);
    assertMatch(second.waitsFor, /^mutex /);
    parent.cancel();
    await parent.catch(() => {});
    await until(() => cycles().length === 0, "they have given up");
    const alone = sched.go(locksTwice(mutexes[1]));
    const [step, ...more] = await circle();
    assertEquals([step.task, step.heldByTask, more], [alone.id, alone.id, []]);
    alone.cancel();
    await alone.catch(() => {});
  });
  await t.step("one that has ended with it, permits, and what was given back", async () => {
    const [kept, permits, rows] = [new Mutex(sched), new Semaphore(sched, 4), new RWMutex(sched)];
    const [release, keeper] = [new Channel<number>(sched), sched.go(keeps(kept))];
    await keeper;
    const task = sched.go(holdsAll(permits, rows, release));
    const holders = () =>
      sched.dump().objects.flatMap(({ kind, heldBy }) =>
        heldBy.filter(({ tasks }) => tasks?.length === 1 && [task.id, keeper.id].includes(tasks[0]))
          .map(({ times, tasks }) => [kind, times, tasks![0]])
      ).toSorted();
    await until(() => holders().length === 3, "it has all");
    assertEquals(holders(), [["RWMutex", 1, task.id], ["Semaphore", 3, task.id], ["mutex", 1, keeper.id]]);
    assertMatch(
      String(sched.dump()),
      new RegExp(`mutex \\d+: held by task ${keeper.id} of thread \\d+ \\(it has ended\\)`),
    );
    await release.send(1);
    await until(() => holders().some(([, times]) => times === 2), "it has given one back");
    await release.send(1);
    await task;
    await until(() => holders().length === 1, "it has ended, and given all back");
    assertEquals(holders(), [["mutex", 1, keeper.id]]);
  });
  sleeps.cancel();
  await sleeps.catch(() => {});
});
