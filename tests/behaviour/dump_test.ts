// What a dump says of programs that hang, and that it waits for none of their threads.
import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { Channel, type Dump, type DumpedThread, Mutex, readable, Scheduler, Semaphore } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { poller, preemption } from "../support/capabilities.ts";
import { close, eventfd, signal, socketPair, write } from "../support/descriptors.ts";
import { Pipe } from "../support/pipe.ts";
import { runProgram } from "../support/programs.ts";
import { readsPipe } from "../tasks/blocking.ts";
import { awaitsOutside } from "../tasks/traced.ts";
import { churns, holds, locks, locksBoth } from "../tasks/dumped.ts";
import { spinsUntilSet } from "../tasks/hogging.ts";
import { readsToTheEnd, waitsBothWays } from "../tasks/polling.ts";

/** With the milliseconds that it took. */
function timed(sched: Scheduler): [Dump, number] {
  const begun = performance.now();
  const dump = sched.dump();
  return [dump, performance.now() - begun];
}

function threadOf(dump: Dump, id: number): DumpedThread | undefined {
  const on = dump.tasks.find((task) => task.id === id)?.thread;
  return dump.threads.find(({ tid }) => tid === on);
}

preemption.test("while all threads compute, block or are frozen, a dump comes at once and says so of each", async () => {
  await using sched = await Scheduler.start({ procs: 2, name: "wedged" });
  using pipe = new Pipe();
  const [begun, go, arrived] = [new Flag(), new Flag(), new Flag()];
  const reads = sched.go(readsPipe(pipe.reader, arrived.buffer, true));
  const alone = sched.dedicate(readsPipe(pipe.reader, arrived.buffer, true), { name: "alone" });
  await until(() => arrived.value === 2, "both are about to read");
  const hogs = Array.from({ length: 4 }, () => sched.go(spinsUntilSet(begun.buffer, go.buffer)));
  try {
    // That very one: by the next the frozen one may have another's place.
    let seen = timed(sched);
    await until(() => {
      const [dump] = seen = timed(sched);
      return dump.threads.some(({ state }) => state === "frozen") &&
        [reads, alone].every(({ id }) => threadOf(dump, id)?.systemCall === "read") &&
        threadOf(dump, reads.id)?.processor === undefined;
    }, "one is frozen, and two sleep in the kernel");
    const [dump, ms] = seen;
    console.log(`A dump of a wedged program took ${ms.toFixed(1)} ms.`);
    // 2 to 5 on a quiet machine.
    assertLess(ms, 2000);
    assertEquals(threadOf(dump, reads.id)?.state, "in call");
    assertEquals([threadOf(dump, alone.id)?.role, threadOf(dump, alone.id)?.processor], [
      "dedicated",
      "exempt",
    ]);
    assertEquals(dump.tasks.find(({ id }) => id === alone.id)?.name, "alone");
    for (const { id } of hogs) {
      const task = dump.tasks.find((task) => task.id === id)!;
      assertEquals([task.name, task.startedBy], ["spinsUntilSet", "host"]);
      if (task.state === "begun") assert(threadOf(dump, id)!.begun > 0);
      else assert(["queued", "importing"].includes(task.state), task.state);
    }
    const text = String(dump);
    assertMatch(text, /^Heddle "wedged" at /);
    assertMatch(text, /task \d+ \[begun, thread \d+ in call: read\]: readsPipe of file:/);
    assertMatch(text, /thread \d+ "\S+" \[frozen.*\]: pool, /);
  } finally {
    go.value = 1;
    pipe.write(1, 2);
    await soon(Promise.all([reads, alone, ...hogs]), "all go on");
  }
});

Deno.test("a dump names who holds a mutex and who waits for it, and threads in a circle as a circle", async (t) => {
  await using sched = await Scheduler.start({ procs: 1 });
  await t.step("two tasks that wait for one mutex", async () => {
    const mutex = new Mutex(sched, { name: "accounts" });
    const [release, held] = [new Channel<number>(sched, 0, { name: "release" }), new Flag()];
    const holder = sched.dedicate(holds(mutex, held.buffer, release));
    await until(() => held.value === 1, "it is held");
    const others = [sched.dedicate(locks(mutex)), sched.dedicate(locks(mutex))];
    const waiting = () =>
      sched.dump().objects.find(({ kind, waiting }) => kind === "mutex" && waiting.length === 2);
    await until(() => waiting() !== undefined, "two wait");
    const seen = waiting()!;
    const dump = sched.dump();
    const on = [holder, ...others].map(({ id }) => threadOf(dump, id)!.tid);
    assertEquals(seen.heldBy, [{ thread: on[0], times: 1 }]);
    assertEquals(
      seen.waiting.toSorted((a, b) => on.indexOf(a.thread as number) - on.indexOf(b.thread as number)),
      [on[1], on[2]].map((thread) => ({ operation: "lock" as const, thread, count: 1, inSelect: false })),
    );
    assertEquals(dump.cycles, []);
    assertMatch(
      String(dump),
      new RegExp(
        `mutex \\d+ "accounts": held by thread ${
          on[0]
        } \\(its only task: ${holder.id}, holds\\), thread \\d+ waits to lock`,
      ),
    );
    const idle = dump.objects.find(({ kind }) => kind === "channel")!;
    assertEquals([seen.label, idle.label], ["accounts", "release"]);
    assertEquals(idle.waiting, [{ operation: "receive", thread: on[0], count: 1, inSelect: false }]);
    await release.send(1);
    assertEquals(await soon(Promise.all([holder, ...others]), "the locks"), on);
  });
  await t.step("what the host holds and waits for", async () => {
    const permits = new Semaphore(sched, 3, { name: "connections" });
    using _two = await permits.acquire(2);
    const never = new AbortController();
    const refused = assertRejects(() => permits.acquire(2, { signal: never.signal }));
    const { name, ...seen } = sched.dump().objects.find(({ kind }) => kind === "Semaphore")!;
    assertMatch(name, /^Semaphore \d+ "connections"$/);
    assertEquals(seen, {
      kind: "Semaphore",
      label: "connections",
      isPoisoned: false,
      count: 1,
      limit: 3,
      heldBy: [{ thread: "host", times: 2 }],
      waiting: [{ operation: "acquire", thread: "host", count: 1, inSelect: false }],
    });
    never.abort();
    await refused;
  });
  await t.step("two threads that wait for each other", async () => {
    const [one, other, inside] = [new Mutex(sched), new Mutex(sched), new Flag()];
    const tasks = [
      sched.dedicate(locksBoth(one, other, inside.buffer)),
      sched.dedicate(locksBoth(other, one, inside.buffer)),
    ];
    const ended = Promise.allSettled(tasks);
    await until(() => sched.dump().cycles.length > 0, "they wait for each other");
    const dump = sched.dump();
    const on = tasks.map(({ id }) => threadOf(dump, id)!.tid);
    const [cycle, ...more] = dump.cycles;
    assertEquals([cycle.length, more], [2, []]);
    assertEquals(cycle.map(({ thread }) => thread as number).toSorted(), on.toSorted());
    assertEquals([cycle[0].heldBy, cycle[1].heldBy], [cycle[1].thread, cycle[0].thread]);
    assertMatch(
      String(dump),
      /thread \d+ \(its only task: \d+, locksBoth\) waits for mutex \d+, held by thread \d+ \(.*\); thread \d+ /,
    );
    await sched.close();
    await ended;
  });
});

poller.test("a dump names the descriptors that are waited for, and for what, and who waits", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const [left, right] = socketPair();
  const [ours, edge] = [eventfd(), eventfd()];
  const [begun, sum] = [new Flag(), new Flag()];
  const both = sched.go(waitsBothWays(left, begun.buffer));
  const awaited = (fd: number) => sched.dump().descriptors.filter((one) => one.fd === fd);
  // It is writable at once.
  await until(() => begun.value === 2, "it waits to read");
  await until(() => awaited(left)[0]?.awaits === "readable", "and nothing else");
  const { tid } = sched.dump().threads.find(({ begun }) => begun > 0)!;
  assertEquals(awaited(left), [{ fd: left, awaits: "readable", thread: tid }]);
  assertMatch(String(sched.dump()), new RegExp(`descriptor ${left} awaited by thread ${tid} to be readable`));
  const wait = readable(sched, ours);
  assertEquals(awaited(ours), [{ fd: ours, awaits: "readable", thread: "host" }]);
  const edges = sched.go(readsToTheEnd(edge, sum.buffer));
  await until(() => awaited(edge)[0]?.awaits === "pollable", "it is registered");
  edges.cancel();
  await edges.catch(() => {});
  signal(ours);
  write(right, new Uint8Array(1));
  await soon(Promise.all([both, wait]), "what they waited for");
  assertEquals([awaited(left), awaited(ours)], [[], []]);
  for (const fd of [left, right, ours]) close(fd);
});

Deno.test("while tasks and channels come and go on all threads, whatever is in a dump is whole", async () => {
  const [churners, count] = [3, 40];
  await using sched = await Scheduler.start({ procs: 2 });
  const churning = Array.from({ length: churners }, () => sched.go(churns(count, 400)));
  let isOver = false;
  const ended = Promise.all(churning).finally(() => isOver = true);
  let [children, channels, dumps] = [0, 0, 0];
  for (; !isOver; dumps++) {
    const { tasks, objects, threads } = sched.dump();
    assertEquals(new Set(tasks.map(({ id }) => id)).size, tasks.length);
    for (const { name, module, startedBy, state, thread } of tasks) {
      assertEquals(module, new URL("../tasks/dumped.ts", import.meta.url).href);
      assertEquals(name, startedBy === "host" ? "churns" : "receives");
      assert(state !== "begun" || threads.some(({ tid }) => tid === thread));
      if (name === "receives") children++;
    }
    for (const { kind, limit, count: filled, isClosed, heldBy, waiting } of objects) {
      assertEquals([kind, limit, filled, isClosed, heldBy], ["channel", 0, 0, false, []]);
      assert(waiting.every(({ thread }) => threads.some(({ tid }) => tid === thread)));
      assert(waiting.reduce((sum, { count }) => sum + count, 0) <= count);
      // Without room for values it is one or the other that wait.
      assert(new Set(waiting.map(({ operation }) => operation)).size <= 1);
      channels++;
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert((await soon(ended, "the churners")).every((rounds) => rounds > 0));
  assert(
    dumps > 3 && children > 0 && channels > 0,
    `${dumps} dumps saw ${children} children and ${channels} channels`,
  );
});

Deno.test("a dump is JSON as it is, with its version, and prints as text", async () => {
  await using sched = await Scheduler.start({ procs: 1, name: "json" });
  const dump = sched.dump();
  assertEquals(JSON.parse(JSON.stringify(dump)), { ...dump });
  assertEquals(Object.keys(dump), [
    "version",
    "time",
    "name",
    "isClosed",
    "procs",
    "idleProcs",
    "spinning",
    "preempted",
    "tasks",
    "threads",
    "processors",
    "queues",
    "objects",
    "descriptors",
    "native",
    "cycles",
    "unstable",
  ]);
  assertEquals([dump.version, dump.name, dump.isClosed, dump.procs], [1, "json", false, 1]);
  assertEquals(`${dump}`, dump.toString());
  // A thread looks at its heap while its event loop turns: a timer there holds it.
  const hasLooked = () => sched.dump().threads.some(({ heapBytes = 0 }) => heapBytes > 1e6);
  for (let tries = 0; !hasLooked(); tries++) {
    assertLess(tries, 5000, "no thread has");
    await sched.go(awaitsOutside());
  }
  assertMatch(String(sched.dump()), /ms of CPU time, heap \d+\.\d MB/);
  await sched.close();
  const after = sched.dump();
  assertEquals([after.isClosed, after.tasks, after.threads], [true, [], []]);
});

Deno.test("each signal that was asked for prints one dump, schedtrace prints Go's lines, and neither holds the process", async () => {
  const env = { HEDDLE_DEBUG: "schedtrace=20" };
  const { code, stdout, stderr } = await runProgram("dumps_on_signals", { env });
  assertEquals([code, stdout], [0, "done\n"], stderr);
  assertEquals(stderr.match(/^Heddle "signalled" at /gm)?.length, 2, stderr);
  const lines = stderr.split("\n").filter((line) => line.startsWith("SCHED"));
  assert(lines.length > 0, stderr);
  for (const line of lines) {
    assertMatch(
      line,
      /^SCHED \d+ms: gomaxprocs=2 idleprocs=\d threads=\d spinningthreads=\d needspinning=\d idlethreads=\d runqueue=\d+ \[\d+ \d+\]$/,
    );
  }
});

Deno.test("without the permission for the environment nobody is asked for it, and nothing is traced", async () => {
  const env = { HEDDLE_DEBUG: "schedtrace=20" };
  const flags = ["--allow-read", "--allow-ffi", "--allow-run"];
  const { code, stdout, stderr } = await runProgram("dumps_on_signals", { env, flags });
  assertEquals([code, stdout], [0, "done\n"], stderr);
  assertEquals(stderr.includes("SCHED"), false);
});

Deno.test("a signal that nobody can listen to is refused, as is a name that is none", async () => {
  const refusal = (dumpOn: unknown) =>
    assertRejects(() => Scheduler.start({ dumpOn: dumpOn as Deno.Signal }), TypeError, "dumpOn is");
  await refusal("SIGKILL");
  await refusal("SIGURG");
  await refusal("quit");
  await assertRejects(() => Scheduler.start({ name: 5 as never }), TypeError, "name is 5: give a string");
});
