import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import { Scheduler, SchedulerClosedError, ThreadDiedError } from "@heddle/heddle";
import { threadOptions } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { tids, workersSince } from "../support/os_threads.ts";
import { Pipe } from "../support/pipe.ts";
import { nothing } from "../tasks/arithmetic.ts";
import {
  begins,
  blocksAfterOutside,
  blocksAgain,
  blocksBesideChildren,
  blocksUntilWritten,
  callsOddly,
  callsQuickly,
  computesAfterOutside,
  countsIn,
  exitsInCall,
  meetsInKernel,
  readsPipe,
  startsInCall,
  waitsForChild,
  waitsForSignal,
} from "../tasks/blocking.ts";
import { busy, busyUntil } from "../tasks/occupying.ts";

const shared = await Scheduler.start({ procs: 1 });
Deno.test.afterAll(() => shared.close());

let leftBehind: Promise<{ sched: Scheduler; ended: Promise<void> }> | undefined;

/** Calls that have a thread each, and the end of these threads: it takes some seconds, in which other tests run. */
async function leavesThreadsBehind() {
  const sched = await Scheduler.start({ procs: 1 });
  const here = new Flag();
  const calls = Array.from({ length: 16 }, () => sched.go(meetsInKernel(here.buffer, 16)));
  const met = await soon(Promise.all(calls), "the calls");
  assertEquals(new Set(met.map(({ tid }) => tid)).size, 16);
  // One for the P, and a spare. Each takes 5 s, and none of them waits for another one's end.
  const ended = until(() => sched.stats().threads === 2, "the others end", 40_000);
  ended.catch(() => {});
  return { sched, ended };
}

Deno.test("calls that last have threads of their own", async () => {
  await (leftBehind ??= leavesThreadsBehind());
});

Deno.test("blocking returns what its function returns and throws what it throws, nested or not", async () => {
  const sched = shared;
  const expected = ["inner", "TypeError", "SyntaxError", "after"];
  assertEquals(await soon(sched.go(callsOddly()), "the calls"), expected);
  assertEquals(await soon(sched.dedicate(callsOddly()), "the calls on a thread of their own"), expected);
});

Deno.test("a million quick calls keep their P", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  assertEquals(await soon(sched.go(callsQuickly(1_000_000)), "the calls"), 1_000_000);
  assertLessOrEqual(sched.stats().threads, 4);
  await until(() => sched.stats().blockedThreads === 0, "no thread counts as blocked");
});

for (const handOff of [false, true]) {
  const how = handOff ? "handed off at once" : "taken by sysmon";
  for (const count of [2, 24]) {
    Deno.test(`with ${count} tasks blocked on empty pipes, the Ps ${how}, two others run at the same time`, async () => {
      await using sched = await Scheduler.start({ procs: 2 });
      using pipe = new Pipe();
      const arrived = new Flag();
      const readers = Array.from(
        { length: count },
        () => sched.go(readsPipe(pipe.reader, arrived.buffer, handOff)),
      );
      await until(() => sched.stats().blockedThreads === count, "all readers block", 60_000);
      const [both, leave] = [new Flag(), new Flag()];
      const computing = [1, 2].map(() => sched.go(busyUntil(both.buffer, leave.buffer)));
      await until(() => both.value === 2, "both run at the same time");
      leave.value = 1;
      await soon(Promise.all(computing), "both end");
      for (let i = 0; i < count; i++) pipe.write(i);
      const bytes = await soon(Promise.all(readers), "the readers end");
      assertEquals(bytes.toSorted((a, b) => a - b), Array.from({ length: count }, (_, i) => i));
      await until(() => sched.stats().blockedThreads === 0, "no thread counts as blocked");
    });
  }
}

Deno.test("past maxThreads tasks wait, the statistics say so, and go on when a call returns", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxThreads: 3 });
  using pipe = new Pipe();
  const arrived = new Flag();
  const readers = [1, 2, 3].map(() => sched.go(readsPipe(pipe.reader, arrived.buffer, false)));
  await until(() => sched.stats().blockedThreads === 3, "all threads are blocked");
  const waiting = sched.go(nothing());
  await until(() => sched.stats().idleProcs === 1 && sched.stats().queued === 1, "a P is idle, a task waits");
  assertEquals([sched.stats().threads, waiting.state], [3, "queued"]);
  pipe.write(1);
  await soon(waiting, "the task that waited");
  pipe.write(2, 3);
  await soon(Promise.all(readers), "the readers end");
});

Deno.test("the P of a blocked task runs another one within 2 ms where a CPU is free, with a spare thread ready", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const times: number[] = [];
  for (let i = 0; i < 31; i++) {
    using pipe = new Pipe();
    const [blocked, other] = [sched.go(blocksUntilWritten(pipe.reader)), sched.go(begins())];
    const start = await soon(other, "the other task");
    pipe.write(1);
    const [from] = await soon(blocked, "the blocked task");
    times.push((start - from) / 1e6);
  }
  // On a busy machine sysmon and the other thread wait for a CPU first, but not each time. Without sysmon's tick all take 10 ms.
  const fast = times.toSorted((a, b) => a - b)[3];
  assertLess(fast, 2, `ms between the block and the other task's start: ${times.map((t) => t.toFixed(2))}`);
});

Deno.test("children that a task started run elsewhere while it blocks", async () => {
  const sched = shared;
  const done = new Flag();
  const tids = await soon(sched.go(blocksBesideChildren(20, done.buffer)), "the children");
  assertEquals([tids.length, done.value], [20, 20]);
});

Deno.test("a child that is started inside of a call runs elsewhere", async () => {
  const sched = shared;
  assert(await soon(sched.go(startsInCall(new Flag().buffer)), "the child"));
});

Deno.test("a task that blocks after a plain await keeps no thread from the others", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  using pipe = new Pipe();
  const arrived = new Flag();
  const blocked = sched.go(blocksAfterOutside(pipe.reader, arrived.buffer));
  await until(() => arrived.value === 1, "it is about to block");
  for (let i = 0; i < 20; i++) await soon(sched.go(nothing()), "a task beside it");
  pipe.write(7);
  assertEquals(await soon(blocked, "the blocked one"), 7);
});

Deno.test("a P that was given to a thread which computes without one goes to another", async () => {
  const sched = shared;
  const [arrived, leave] = [new Flag(), new Flag()];
  const computing = sched.go(computesAfterOutside(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it computes without a P");
  await soon(sched.go(nothing()), "a task beside it");
  leave.value = 1;
  await soon(computing, "the computing one");
});

Deno.test("threads that return from calls get their turn among new tasks", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const [arrived, leave] = [new Flag(), new Flag()];
  const returning = sched.go(blocksAgain(1000, arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it is on its way");
  // Always several that wait, each for longer than a call.
  const end = performance.now() + 600;
  const stream = async () => {
    while (performance.now() < end) await sched.go(busy(2));
  };
  await soon(Promise.all([stream(), stream(), stream()]), "the stream");
  leave.value = 1;
  assertGreater(await soon(returning, "the returning one"), 3);
});

Deno.test("new tasks get their turn among threads that return from calls", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const [arrived, leave] = [new Flag(), new Flag()];
  const returning = Array.from({ length: 8 }, () => sched.go(blocksAgain(150, arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 8, "all are on their way", 60_000);
  for (let i = 0; i < 50; i++) await soon(sched.go(nothing()), "a new task");
  leave.value = 1;
  await soon(Promise.all(returning), "the returning ones");
});

Deno.test("a thread that dies in a call rejects its task, and its P and its place are filled again", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  for (const ms of [0, 30]) {
    await assertRejects(() => soon(sched.go(exitsInCall(ms)), "the end"), ThreadDiedError);
    const count = new Flag();
    await until(() => sched.stats().idleProcs === 2, "both Ps are back");
    await soon(Promise.all([1, 2, 3].map(() => sched.go(countsIn(count.buffer)))), "tasks after it");
  }
});

Deno.test("a descriptor that is closed under a blocked read, and the end of a pipe, give the task a result", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  using pipe = new Pipe();
  const arrived = new Flag();
  const reader = sched.go(readsPipe(pipe.reader, arrived.buffer, false));
  await until(() => sched.stats().blockedThreads === 1, "it blocks");
  // The kernel lets the read go on with a pipe whose descriptor is gone; what ends it is the end of the pipe.
  pipe.close("reader");
  pipe.close("writer");
  assertEquals(await soon(reader, "the reader"), -1);
  assertEquals(await soon(sched.go(readsPipe(pipe.reader, arrived.buffer, false)), "a closed one"), -1);
});

Deno.test("to lower procs takes Ps from blocked calls, and what was queued there runs", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  using pipe = new Pipe();
  const arrived = new Flag();
  const readers = [1, 2].map(() => sched.go(readsPipe(pipe.reader, arrived.buffer, false)));
  await until(() => arrived.value === 2, "both are about to block");
  sched.setProcs(1);
  for (let i = 0; i < 10; i++) await soon(sched.go(nothing()), "a task");
  assertEquals(sched.procs, 1);
  pipe.write(1, 2);
  await soon(Promise.all(readers), "the readers");
  await until(() => sched.stats().idleProcs === 1, "one P, and it is idle");
});

Deno.test("close() ends with tasks blocked in calls for ever", async () => {
  using pipe = new Pipe();
  const before = new Set(tids());
  const sched = await Scheduler.start({ procs: 2 });
  const arrived = new Flag();
  const readers = [1, 2, 3].map(() => sched.go(readsPipe(pipe.reader, arrived.buffer, false)));
  await until(() => arrived.value === 3, "they block", 60_000);
  const ends = readers.map((reader) => assertRejects(() => reader, SchedulerClosedError));
  await soon(sched.close(), "close()");
  await Promise.all(ends);
  // The threads are still in the kernel. Once they come back from there, they end too.
  pipe.write(1, 2, 3);
  await until(() => workersSince(before).length === 0, "they end");
});

Deno.test("calls of 8 tasks of one P are in the kernel at once, on 8 threads", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const here = new Flag();
  // Each waits for all others.
  const meetings = Array.from({ length: 8 }, () => sched.go(meetsInKernel(here.buffer, 8)));
  const met = await soon(Promise.all(meetings), "the calls", 60_000);
  assertEquals(met.map(({ together }) => together), Array(8).fill(8));
  assertEquals(new Set(met.map(({ tid }) => tid)).size, 8);
});

Deno.test("kill -9 of a child that a task waits for ends the wait", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
  const arrived = new Flag();
  const waiting = sched.go(waitsForChild(child.pid, arrived.buffer));
  await until(() => sched.stats().blockedThreads === 1, "it waits in the kernel");
  child.kill("SIGKILL");
  // -1 if Deno, which waits for it too, was faster.
  assert([9, -1].includes(await soon(waiting, "the wait")));
  await child.status;
});

threadOptions.test("a signal that interrupts a blocking call gives the task its EINTR", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const { symbols } = Deno.dlopen("libc.so.6", {
    tgkill: { parameters: ["i32", "i32", "i32"], result: "i32" },
    signal: { parameters: ["i32", "pointer"], result: "pointer" },
    // A handler that does nothing.
    abs: { type: "pointer" },
  });
  const SIGUSR2 = 12;
  const before = symbols.signal(SIGUSR2, symbols.abs);
  const tid = new Flag();
  const waiting = sched.go(waitsForSignal(tid.buffer));
  // It counts as blocked a moment before: a signal would interrupt nothing then.
  const call = () => sched.dump().threads.find((thread) => thread.tid === tid.value)?.systemCall;
  await until(() => /^p?poll$/.test(call() ?? ""), "it waits in the kernel");
  assertEquals(symbols.tgkill(Deno.pid, tid.value, SIGUSR2), 0);
  assertEquals(await soon(waiting, "the call"), -1);
  symbols.signal(SIGUSR2, before);
});

Deno.test("threads that blocked calls left behind end together some seconds later, and the pool stays as it was", async () => {
  const { sched, ended } = await (leftBehind ??= leavesThreadsBehind());
  try {
    await ended;
    const tasks = Promise.all([1, 2].map(() => sched.go(nothing())));
    assertEquals(await soon(tasks, "tasks after it"), [undefined, undefined]);
  } finally {
    await sched.close();
  }
});
