// With `stacks: true` a dump says of each task what it awaits, and where, also while its thread hangs.
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { Channel, type DumpedAwait, type DumpedTask, Mutex, Scheduler } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import {
  awaitsChild,
  awaitsOwn,
  locksOther,
  locksOwn,
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
    assertEquals([what, heldBy], ["lock a mutex of this thread", [find(own.id)!.thread]]);
    assertMatch(
      String(sched.dump()),
      /awaits: lock mutex \d+ "accounts", which the host holds\n {6}at locksOther /,
    );
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
    assertEquals(
      lineOf(await awaited(tasks[2].id, /^a promise of its own$/)),
      "return Promise.resolve(value).then(() => {});",
    );
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
