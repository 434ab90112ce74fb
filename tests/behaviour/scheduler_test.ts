import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { Scheduler, SchedulerClosedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { mostAtOnce } from "../support/intervals.ts";
import { tids } from "../support/os_threads.ts";
import { add, identity, nothing, tidOf } from "../tasks/arithmetic.ts";
import { busy, busyUntil } from "../tasks/occupying.ts";
import { parked } from "../tasks/dying.ts";
import { yieldsUntil } from "../tasks/waiting.ts";
import { note } from "../tasks/family.ts";

/** With so many Ps. */
const [one, two] = await Promise.all([1, 2].map((procs) => Scheduler.start({ procs, preempt: false })));
Deno.test.afterAll(async () => void await Promise.all([one.close(), two.close()]));

Deno.test("a task's promise resolves with what its function returns", async () => {
  const sched = two;
  assertEquals(await sched.go(add(2, 3)), 5);
  assertEquals(await sched.go(nothing()), undefined);
});

Deno.test("with procs 2, ten computing tasks run two at once, and a dedicated one besides", async () => {
  const sched = two;
  const [arrived, leave] = [new Flag(), new Flag()];
  const dedicated = sched.dedicate(busyUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "the dedicated task runs");
  const pool = await soon(
    Promise.all(Array.from({ length: 10 }, () => sched.go(busy(30)))),
    "ten tasks of 30 ms",
  );
  leave.value = 1;
  const own = await dedicated;
  assertEquals(mostAtOnce(pool), 2);
  assertEquals(mostAtOnce([...pool, own]), 3);
  assert(pool.every(({ tid }) => tid !== own.tid));
});

Deno.test("with procs 1, tasks run one after the other", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const all = await Promise.all(Array.from({ length: 8 }, () => sched.go(busy(10))));
  assertEquals(mostAtOnce(all), 1);
  assertEquals(new Set(all.map(({ tid }) => tid)).size, 1);
});

Deno.test("procs tasks run at once even if their thread has others parked on it", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const arrived = new Flag();
  for (let i = 0; i < 10; i++) sched.go(parked(arrived.buffer));
  await until(() => arrived.value === 10, "ten tasks are parked");
  assertEquals(mostAtOnce(await Promise.all(Array.from({ length: 6 }, () => sched.go(busy(20))))), 2);
});

Deno.test("a raised procs holds for what is queued already", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const tasks = Array.from({ length: 6 }, () => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 1, "one runs");
  sched.setProcs(3);
  assertEquals(sched.procs, 3);
  await until(() => arrived.value === 3, "three run");
  leave.value = 1;
  assertEquals(mostAtOnce(await Promise.all(tasks)), 3);
});

Deno.test("a lowered procs holds for what starts from then on", async () => {
  await using sched = await Scheduler.start({ procs: 3, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const blockers = [1, 2, 3].map(() => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 3, "three run");
  const rest = Array.from({ length: 12 }, () => sched.go(busy(5)));
  sched.setProcs(1);
  leave.value = 1;
  assertEquals(mostAtOnce(await Promise.all(blockers)), 3);
  assertEquals(mostAtOnce(await Promise.all(rest)), 1);
  sched.setProcs(2);
  const both = [new Flag(), new Flag()];
  const two = [1, 2].map(() => sched.go(busyUntil(both[0].buffer, both[1].buffer)));
  await until(() => both[0].value === 2, "two run");
  both[1].value = 1;
  await Promise.all(two);
});

Deno.test("procs goes up and down under load, and no task is lost", async () => {
  await using sched = await Scheduler.start({ procs: 2, maxThreads: 12, preempt: false });
  let sum = 0;
  for (let round = 0; round < 30; round++) {
    const tasks = Array.from({ length: 500 }, (_, i) => sched.go(identity(i)));
    sched.setProcs(1 + round % 5);
    sum += (await soon(Promise.all(tasks), `round ${round}`)).reduce((a, b) => a + b, 0);
  }
  assertEquals(sum, 30 * 499 * 500 / 2);
  await until(() => sched.stats().idleProcs === 5, "all Ps are idle");
});

Deno.test("a million tasks in one go settle, each with its own result", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const count = 1_000_000;
  const seen = new Uint8Array(count);
  let settled = 0;
  const tasks: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    tasks.push(
      sched.go(identity(i)).then((n) => {
        seen[n]++;
        settled++;
      }),
    );
  }
  await soon(Promise.all(tasks), "a million tasks", 60_000);
  assertEquals(settled, count);
  assertEquals(seen.findIndex((times) => times !== 1), -1);
  await until(() => sched.stats().inFlight === 0, "nothing is in flight");
});

Deno.test("tasks beyond maxTasks wait their turn, and their arguments are as they were", async () => {
  await using sched = await Scheduler.start({ procs: 2, maxTasks: 3, preempt: false });
  const list = [0];
  const { echo } = await import("../tasks/values.ts");
  const tasks = Array.from({ length: 100 }, (_, i) => {
    list[0] = i;
    return sched.go(echo(list));
  });
  assertGreaterOrEqual(sched.stats().queued, 97);
  assertEquals(await Promise.all(tasks), Array.from({ length: 100 }, (_, i) => [i]));
});

Deno.test("few slots and few threads carry a hundred thousand tasks, round and round", async () => {
  await using sched = await Scheduler.start({ procs: 2, maxThreads: 3, maxTasks: 8, preempt: false });
  let sum = 0;
  const count = 100_000;
  const tasks = Array.from({ length: count }, (_, i) => sched.go(identity(i)).then((n) => sum += n));
  await soon(Promise.all(tasks), "100,000 tasks through 8 slots", 60_000);
  assertEquals(sum, count * (count - 1) / 2);
});

Deno.test("tasks that block their thread for 50 ms reach both threads at once", async () => {
  const sched = two;
  const lags: number[] = [];
  for (let round = 0; round < 10; round++) {
    await until(() => sched.stats().idleProcs === 2, "both threads sleep");
    const all = await Promise.all([sched.go(busy(50)), sched.go(busy(50))]);
    const [first, second] = all.map(({ from }) => from).toSorted((a, b) => a - b);
    lags.push((second - first) / 1e6);
  }
  // On a busy machine a thread may have to wait for a CPU, but not each time; one after the other they are 50 ms apart.
  assertLessOrEqual(lags.toSorted((a, b) => a - b)[2], 25, `${lags} ms`);
});

Deno.test("two tasks reach two threads that have just run out of work, each time", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  for (let round = 0; round < 50; round++) {
    const [arrived, leave] = [new Flag(), new Flag()];
    const both = [1, 2].map(() => sched.go(busyUntil(arrived.buffer, leave.buffer)));
    await until(() => arrived.value === 2, `two tasks run at once in round ${round}`);
    leave.value = 1;
    await Promise.all(both);
    // Without memory to pass on it goes faster, and finds the threads in other states.
    assertEquals(mostAtOnce(await Promise.all(Array.from({ length: 8 }, () => sched.go(busy(4))))), 2);
  }
});

Deno.test("a task that is started while one thread computes and the other one sleeps does not wait", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  const [arrived, leave] = [new Flag(), new Flag()];
  const blocker = sched.go(busyUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "one thread is busy");
  for (let i = 0; i < 50; i++) {
    await until(() => sched.stats().spinning === 0, "the other thread sleeps");
    assertEquals(await soon(sched.go(identity(i)), `task ${i}`), i);
  }
  leave.value = 1;
  await blocker;
});

Deno.test("tasks that do nothing but yield keep nobody out", async () => {
  const sched = one;
  const [arrived, leave] = [new Flag(), new Flag()];
  const yielding = [1, 2, 3].map(() => sched.go(yieldsUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 3, "three yield");
  await soon(sched.go(nothing()), "a new task gets its turn");
  leave.value = 1;
  for (const yields of await Promise.all(yielding)) assertGreater(yields, 0);
});

Deno.test("stats say what there is and what was", async () => {
  await using sched = await Scheduler.start({ procs: 2, maxTasks: 4, preempt: false });
  const before = sched.stats();
  assertEquals([before.procs, before.inFlight, before.queued, before.dedicatedThreads], [2, 0, 0, 0]);
  assertGreaterOrEqual(before.threads, 2);

  const [arrived, leave] = [new Flag(), new Flag()];
  const tasks = Array.from({ length: 10 }, () => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 2, "two tasks run");
  const during = sched.stats();
  assertEquals([during.inFlight, during.idleProcs, during.spinning], [10, 0, 0]);
  // Of four slots two are running; the other two are in the global queue, or a thread has them.
  assert(during.queued >= 6 && during.queued <= 8, `${during.queued} are queued`);
  leave.value = 1;
  await Promise.all(tasks);
  const own = sched.dedicate(parked(arrived.buffer));
  await until(() => sched.stats().dedicatedThreads === 1, "a thread is dedicated");
  assertEquals(sched.stats().inFlight, 1);
  own.cancel();
  own.catch(() => {});
  await until(() => sched.stats().dedicatedThreads === 0, "it has ended");

  await until(() => sched.stats().idleProcs === 2 && sched.stats().spinning === 0, "all sleep");
  await until(() => sched.stats().ran === 11, "the counts are in");
  const after = sched.stats();
  assertEquals([after.inFlight, after.queued], [0, 0]);
  assertGreater(after.parks, 0);
});

Deno.test("five schedulers, one after the other, leave no thread behind", async () => {
  // The first one starts what the runtime then keeps.
  await (await Scheduler.start({ procs: 2, preempt: false })).close();
  const before = tids().length;
  for (let i = 0; i < 5; i++) {
    const sched = await Scheduler.start({ procs: 2, preempt: false });
    assertEquals(await sched.go(add(i, 1)), i + 1);
    await sched.close();
  }
  await until(() => tids().length <= before, `no more than ${before} threads`);
});

Deno.test("close settles what is queued, running, parked, waiting and dedicated, and is prompt", async () => {
  const sched = await Scheduler.start({ procs: 2, maxTasks: 8, preempt: false });
  const [arrived, asleep, leave] = [new Flag(), new Flag(), new Flag()];
  const kinds = {
    parked: sched.go(parked(asleep.buffer)),
    dedicatedAsleep: sched.dedicate(parked(asleep.buffer)),
    dedicatedBusy: sched.dedicate(busyUntil(arrived.buffer, leave.buffer)),
  };
  await until(() => asleep.value === 2, "the parked tasks sleep");
  const running = [1, 2].map(() => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  await until(() => arrived.value === 3, "the computing tasks run");
  const queued = Array.from({ length: 100 }, (_, i) => sched.go(identity(i)));
  assertGreaterOrEqual(sched.stats().queued, 97);

  const closed = sched.close();
  const all = [...Object.values(kinds), ...running, ...queued] as Promise<unknown>[];
  const outcomes = await soon(Promise.allSettled(all), "every task has settled");
  for (const outcome of outcomes) {
    assertEquals(outcome.status, "rejected");
    assert((outcome as PromiseRejectedResult).reason instanceof SchedulerClosedError);
  }
  await soon(closed, "close() resolves");
  assertEquals([kinds.parked.state, running[0].state, queued[99].state], ["failed", "failed", "failed"]);
  leave.value = 1;
  await until(() => sched.stats().threads === 0, "no thread is left");
});

Deno.test("close of an idle scheduler is prompt, and can be asked for twice", async () => {
  const sched = await Scheduler.start({ procs: 2, preempt: false });
  await sched.go(nothing());
  await soon(Promise.all([sched.close(), sched.close()]), "close() resolves");
  await sched.close();
});

Deno.test("tasks that nobody awaits are no unhandled rejections when the scheduler closes", async () => {
  const unhandled: unknown[] = [];
  const hear = (event: PromiseRejectionEvent) => {
    unhandled.push(event.reason);
    event.preventDefault();
  };
  globalThis.addEventListener("unhandledrejection", hear);
  const sched = await Scheduler.start({ procs: 1, maxTasks: 2, preempt: false });
  const arrived = new Flag();
  for (let i = 0; i < 10; i++) sched.go(parked(arrived.buffer));
  await sched.close();
  await new Promise((resolve) => setTimeout(resolve, 0));
  globalThis.removeEventListener("unhandledrejection", hear);
  assertEquals(unhandled, []);
});

Deno.test("two schedulers at once do not know of each other", async () => {
  await using one = await Scheduler.start({ procs: 1, preempt: false });
  await using other = await Scheduler.start({ procs: 1, preempt: false });
  const [a, b] = await Promise.all([one.go(tidOf()), other.go(tidOf())]);
  assert(a !== b);
  await one.close();
  assertEquals(await other.go(add(1, 2)), 3);
});

Deno.test("results and arguments of all sizes at once find their way", async () => {
  await using sched = await Scheduler.start({ procs: 2, maxTasks: 64, arenaBytes: 48 << 20 });
  const { echo } = await import("../tasks/values.ts");
  const sizes = [0, 10, 100, 300, 5000, 70_000, 900_000, 1_100_000];
  const texts = Array.from({ length: 200 }, (_, i) => String.fromCharCode(97 + i % 26).repeat(sizes[i % 8]));
  const results = await soon(Promise.all(texts.map((text) => sched.go(echo(text)))), "200 echoes");
  assert(results.every((result, i) => result === texts[i]));
});

Deno.test("values that the arena has no room for still arrive", async () => {
  const maxTasks = 64;
  const { leastArenaBytes } = await import("../../scheduler/arena/arena.ts");
  const arenaBytes = leastArenaBytes(maxTasks, 3);
  await using sched = await Scheduler.start({
    procs: 2,
    maxThreads: 3,
    maxTasks,
    arenaBytes,
    preempt: false,
  });
  const { echo } = await import("../tasks/values.ts");
  const texts = Array.from({ length: 40 }, (_, i) => String(i).repeat(200_000));
  const results = await soon(Promise.all(texts.map((text) => sched.go(echo(text)))), "40 echoes");
  assert(results.every((result, i) => result === texts[i]));
});

Deno.test("a task may have no name of its own in another module: the module counts", async () => {
  const sched = one;
  const { nothing: another } = await import("../tasks/namesake.ts");
  assertEquals(await sched.go(another()), "the namesake");
  assertEquals(await sched.go(nothing()), undefined);
});

Deno.test("the host's event loop turns while tasks compute", async () => {
  const sched = one;
  const [arrived, leave] = [new Flag(), new Flag()];
  const task = sched.go(busyUntil(arrived.buffer, leave.buffer));
  await until(() => arrived.value === 1, "it runs");
  let turns = 0;
  for (; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(task.state, "running");
  leave.value = 1;
  await task;
});

Deno.test("a task that the host starts writes what others can read once it has settled", async () => {
  const sched = two;
  const path = await Deno.makeTempFile();
  await Promise.all([sched.go(note(path, "a")), sched.go(note(path, "b"))]);
  assertEquals((await Deno.readTextFile(path)).split("").toSorted(), ["a", "b"]);
  await Deno.remove(path);
});

Deno.test("schedulers that were closed leave no thread and no descriptor", async () => {
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const life = async () => {
    const sched = one;
    assertEquals(await sched.go(add(1, 1)), 2);
  };
  await life();
  const before = { threads: tids().length, descriptors: descriptors() };
  for (let i = 0; i < 4; i++) await life();
  await until(
    () => tids().length <= before.threads && descriptors() <= before.descriptors,
    `there are no more than ${JSON.stringify(before)}`,
  );
});
