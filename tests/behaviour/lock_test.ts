import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Barrier,
  Mutex,
  Once,
  RWMutex,
  Scheduler,
  SchedulerClosedError,
  Semaphore,
  ThreadDiedError,
  WaitGroup,
} from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { knows } from "../tasks/channels.ts";
import {
  addsAtHome,
  addsUnderLock,
  diesHolding,
  diesWaiting,
  doesOnce,
  doneAfter,
  holdsPermits,
  meets,
  readsAndWrites,
  releasesPermit,
  waitsFor,
} from "../tasks/locking.ts";

const sched = await Scheduler.start({ procs: 3 });
Deno.test.afterAll(() => sched.close());

/** As the host makes it, and as it is once a task knows it. */
async function lives(): Promise<[string, Mutex][]> {
  const shared = new Mutex(sched);
  await sched.go(knows(shared));
  return [["local", new Mutex(sched)], ["shared", shared]];
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

Deno.test("a mutex is held by one at a time, and handed over in turn", async () => {
  for (const [life, mutex] of await lives()) {
    assert(!mutex.locked);
    const first = await mutex.lock();
    assertEquals([mutex.locked, mutex.tryLock()], [true, undefined], life);
    const order: number[] = [];
    const others = [1, 2, 3].map(async (n) => {
      using _held = await mutex.lock();
      order.push(n);
      await turn();
      order.push(-n);
    });
    await turn();
    assertEquals(order, [], life);
    first[Symbol.dispose]();
    await Promise.all(others);
    assertEquals(order, [1, -1, 2, -2, 3, -3], life);
    assert(!mutex.locked, life);
    assertThrows(() => mutex.unlock(), Error, "does not hold", life);
    mutex.tryLock()![Symbol.dispose]();
  }
});

Deno.test("an abort takes a wish for a mutex back", async () => {
  for (const [life, mutex] of await lives()) {
    const held = await mutex.lock();
    const controller = new AbortController();
    const wish = mutex.lock({ signal: controller.signal });
    controller.abort("no more");
    assertEquals(await wish.catch((reason) => reason), "no more", life);
    held[Symbol.dispose]();
    assert(!mutex.locked, life);
    assertEquals(await mutex.lock({ signal: controller.signal }).catch((reason) => reason), "no more");
  }
});

Deno.test("tasks on three threads add under a mutex, one at a time, and lose nothing", async () => {
  const mutex = new Mutex(sched);
  const shared = new SharedArrayBuffer(8);
  const [tasks, count] = [9, 1000];
  const held = await mutex.lock();
  const adding = Array.from({ length: tasks }, () => sched.go(addsUnderLock(mutex, shared, count)));
  held[Symbol.dispose]();
  assertEquals(Math.max(...await soon(Promise.all(adding), "all have added", 60_000)), 1);
  assertEquals(new Int32Array(shared)[0], tasks * count);
  assertEquals(await soon(sched.go(addsAtHome(20, 100)), "those of one thread"), 2000);
});

Deno.test("who waits for a mutex moves with it when it is passed on", async () => {
  const mutex = new Mutex(sched);
  const first = await mutex.lock();
  const wishes = [mutex.lock(), mutex.lock()];
  await sched.go(knows(mutex));
  first[Symbol.dispose]();
  (await soon(wishes[0], "the first"))[Symbol.dispose]();
  (await soon(wishes[1], "the second"))[Symbol.dispose]();
  assert(!mutex.locked);
});

Deno.test("a semaphore never gives more than it has, and who wants several is not overtaken", async () => {
  const semaphore = new Semaphore(sched, 3);
  const shared = new SharedArrayBuffer(4);
  const tasks = [1, 1, 2, 3, 2, 1].map((permits) => sched.go(holdsPermits(semaphore, permits, shared, 200)));
  assertLess(Math.max(...await soon(Promise.all(tasks), "all had theirs", 60_000)), 4);
  assertEquals(semaphore.available, 3);

  const held = await semaphore.acquire(2);
  const order: string[] = [];
  const large = semaphore.acquire(3).then((all) => (order.push("large"), all[Symbol.dispose]()));
  const small = semaphore.acquire(1).then((one) => (order.push("small"), one[Symbol.dispose]()));
  await turn();
  assertEquals([order, semaphore.available, semaphore.tryAcquire()], [[], 1, undefined]);
  held[Symbol.dispose]();
  held[Symbol.dispose]();
  await Promise.all([large, small]);
  assertEquals([order, semaphore.available], [["large", "small"], 3]);
  assertThrows(() => semaphore.release(), RangeError, "holds 0 of the 3 permits");
  assertThrows(() => semaphore.acquire(4), RangeError, "permits is 4");
  assertThrows(() => new Semaphore(sched, 0), RangeError, "permits is 0");
});

Deno.test("permits go back where they were acquired, so that it is known what a thread's death takes along", async () => {
  const semaphore = new Semaphore(sched, 2);
  const held = await semaphore.acquire();
  assertEquals(await sched.go(releasesPermit(semaphore)), "RangeError: this thread holds 0 of the 2 permits");
  assertEquals(semaphore.available, 1);
  held[Symbol.dispose]();
  assertEquals(semaphore.available, 2);
});

Deno.test("what is no signal is refused, and nobody is left waiting", async () => {
  const options = { signal: new AbortController() as never };
  for (const [life, mutex] of await lives()) {
    const held = await mutex.lock();
    assertThrows(() => mutex.lock(options), TypeError, "give an AbortSignal", life);
    held[Symbol.dispose]();
    assert(!mutex.locked, life);
  }
  const [semaphore, lock] = [new Semaphore(sched, 1), new RWMutex(sched)];
  const held = [await semaphore.acquire(), await lock.lock()];
  assertThrows(() => semaphore.acquire(1, options), TypeError, "give an AbortSignal");
  assertThrows(() => lock.lock(options), TypeError, "give an AbortSignal");
  assertThrows(() => lock.readLock(options), TypeError, "give an AbortSignal");
  for (const each of held) each[Symbol.dispose]();
  semaphore.tryAcquire()![Symbol.dispose]();
  lock.tryLock()![Symbol.dispose]();
  assertThrows(() => new WaitGroup(sched).wait(options), TypeError, "give an AbortSignal");
  assertThrows(() => new Barrier(sched, 2).wait(options), TypeError, "give an AbortSignal");
  await assertRejects(() => new Once(sched).do(() => {}, options), TypeError, "give an AbortSignal");
});

Deno.test("a wish that is taken back lets those behind it through", async () => {
  const semaphore = new Semaphore(sched, 2);
  const held = await semaphore.acquire();
  const controller = new AbortController();
  const large = semaphore.acquire(2, { signal: controller.signal });
  const small = semaphore.acquire(1);
  controller.abort();
  await assertRejects(() => large);
  (await soon(small, "the small one"))[Symbol.dispose]();
  held[Symbol.dispose]();
  assertEquals(semaphore.available, 2);
});

Deno.test("a writer is alone, readers are not, and neither starves the other", async () => {
  const lock = new RWMutex(sched);
  const reader = await lock.readLock();
  const another = lock.tryReadLock();
  assert(another !== undefined && lock.tryLock() === undefined);
  const writer = lock.lock();
  await turn();
  assertEquals(lock.tryReadLock(), undefined, "a reader overtook a writer");
  reader[Symbol.dispose]();
  another![Symbol.dispose]();
  const late = lock.readLock();
  (await writer)[Symbol.dispose]();
  (await late)[Symbol.dispose]();

  const shared = new SharedArrayBuffer(8);
  const tasks = [1, 2, 5, 50, 1000, 1000].map((every) => sched.go(readsAndWrites(lock, shared, every, 200)));
  assertEquals((await soon(Promise.all(tasks), "all have read and written", 60_000)).flat(), []);
});

Deno.test("a wait group ends its waits when its count is 0, on every thread", async () => {
  const group = new WaitGroup(sched);
  await soon(group.wait(), "nothing is to be done");
  group.add(3);
  let isOver = false;
  const waits = [group.wait(), group.wait().then(() => isOver = true)];
  const tasks = [1, 2, 3].map((ms) => sched.go(doneAfter(group, ms)));
  assertEquals(isOver, false);
  await soon(Promise.all(waits), "all is done");
  await Promise.all(tasks);
  assertEquals(group.count, 0);
  assertThrows(() => group.done(), RangeError, "1 more were done");
  assertThrows(() => group.add(0.5), RangeError, "0.5");
});

Deno.test("once is once, and all wait for it", async () => {
  const once = new Once(sched);
  const counter = new Flag();
  const tasks = Array.from({ length: 9 }, () => sched.go(doesOnce(once, counter.buffer)));
  assertEquals(await soon(Promise.all(tasks), "all have it"), Array(9).fill(1));
  assert(once.isDone);

  const failing = new Once(sched);
  const first = failing.do(() => Promise.reject(new RangeError("failed")));
  const second = failing.do(() => assert(false));
  await assertRejects(() => first, RangeError, "failed");
  await soon(second, "it has been done");
});

Deno.test("a barrier lets nobody through before all are there, round after round", async () => {
  const [parties, rounds] = [4, 300];
  const barrier = new Barrier(sched, parties);
  const shared = new SharedArrayBuffer(4 * parties);
  const tasks = Array.from(
    { length: parties },
    (_, number) => sched.go(meets(barrier, shared, number, rounds)),
  );
  const last = await soon(Promise.all(tasks), "all have met", 60_000);
  assertEquals(last.reduce((a, b) => a + b), rounds);

  const pair = new Barrier(sched, 2);
  const controller = new AbortController();
  const alone = pair.wait({ signal: controller.signal });
  controller.abort();
  await assertRejects(() => alone);
  assertEquals(await Promise.all([pair.wait(), pair.wait()]), [false, true]);
  assertThrows(() => new Barrier(sched, 0), RangeError, "parties is 0");
});

Deno.test("a thread that dies poisons what it held, for those who wait and those who come later", async (t) => {
  const cases: [string, string, (own: Scheduler) => Mutex | RWMutex | Semaphore | Once | Barrier][] = [
    ["mutex", "", (own) => new Mutex(own)],
    ["RWMutex", "write", (own) => new RWMutex(own)],
    ["RWMutex", "read", (own) => new RWMutex(own)],
    ["Semaphore", "", (own) => new Semaphore(own, 1)],
    ["Once", "", (own) => new Once(own)],
    ["Barrier", "", (own) => new Barrier(own, 3)],
  ];
  for (const [name, how, make] of cases) {
    await t.step(`${name} ${how}`, async () => {
      await using own = await Scheduler.start({ procs: 1 });
      const what = make(own);
      const arrived = new Flag();
      const dying = own.dedicate(diesHolding(what, how, arrived.buffer));
      await until(() => arrived.value === 1, "it is held");
      const waiting = own.go(waitsFor(what));
      const here = what instanceof Barrier
        ? undefined
        : what instanceof Once
        ? what.do(() => {})
        : what instanceof Semaphore
        ? what.acquire()
        : what.lock();
      const heard = here &&
        assertRejects(() => here as Promise<unknown>, ThreadDiedError, "cannot be used any more");
      arrived.value = 2;
      await assertRejects(async () => await soon(dying, "the thread dies"), ThreadDiedError);
      assert((await soon(waiting, "a task hears of it")).startsWith(`ThreadDiedError: ${name}`));
      await heard;
      assert((await soon(own.go(waitsFor(what)), "one that comes later")).startsWith("ThreadDiedError"));
    });
  }
});

Deno.test("a thread that dies waiting for a mutex is passed over", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const [mutex, arrived] = [new Mutex(own), new Flag()];
  const held = await mutex.lock();
  await own.go(knows(mutex));
  const dying = own.dedicate(diesWaiting(mutex, arrived.buffer));
  await until(() => arrived.value === 1, "it waits");
  const waiting = own.go(waitsFor(mutex));
  arrived.value = 2;
  await assertRejects(async () => await soon(dying, "the thread dies"), ThreadDiedError);
  held[Symbol.dispose]();
  assertEquals(await soon(waiting, "the other one"), "got it");
});

Deno.test("who waits behind a thread that dies gets what it was kept from", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const [semaphore, lock] = [new Semaphore(own, 2), new RWMutex(own)];
  const held = [await semaphore.acquire(1), await lock.readLock()];
  const arrived = [new Flag(), new Flag()];
  const dying = [semaphore, lock].map((what, i) => own.dedicate(diesWaiting(what, arrived[i].buffer)));
  await until(() => arrived.every(({ value }) => value === 1), "they wait");
  const behind = [semaphore.acquire(1), lock.readLock()];
  assertEquals([semaphore.tryAcquire(1), lock.tryReadLock()], [undefined, undefined]);
  const deaths = dying.map((each) =>
    assertRejects(async () => await soon(each, "a thread dies"), ThreadDiedError)
  );
  for (const flag of arrived) flag.value = 2;
  await Promise.all(deaths);
  held.push(...await soon(Promise.all(behind), "those behind them"));
  assertEquals(semaphore.available, 0);
  for (const each of held) each[Symbol.dispose]();
  assertEquals(semaphore.available, 2);
  lock.tryLock()![Symbol.dispose]();
});

Deno.test("locks are the same objects when they come back, and close() ends what waits for them", async () => {
  const own = await Scheduler.start({ procs: 1 });
  const [mutex, semaphore] = [new Mutex(own), new Semaphore(own, 1)];
  await own.go(knows([mutex, semaphore]));
  await mutex.lock();
  await semaphore.acquire();
  const rejected = [
    assertRejects(() => mutex.lock(), SchedulerClosedError),
    assertRejects(() => semaphore.acquire(), SchedulerClosedError),
  ];
  await own.close();
  await Promise.all(rejected);
  assertStrictEquals(String(mutex), "[object Mutex]");
  assertThrows(() => new Mutex({} as never), TypeError, "give the Scheduler");
});
