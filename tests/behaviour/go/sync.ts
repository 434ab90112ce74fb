/** After the tests of Go's package `sync` (BSD licence, The Go Authors). Cond, Map and Pool are not here. */
import { type Channel, type Mutex, Once, recv, RWMutex, select, Semaphore, WaitGroup } from "@heddle/heddle";
import { check, checkEqual, goroutine, port, thrown } from "./world.ts";

const hammersSemaphore = goroutine(
  import.meta,
  "hammersSemaphore",
  async (w, semaphore: Semaphore, loops: number, done: Channel<boolean>) => {
    for (let i = 0; i < loops; i++) {
      await semaphore.acquire();
      checkEqual(Atomics.add(w.words, 0, 1), 0, "others that have it");
      Atomics.sub(w.words, 0, 1);
      semaphore.release();
    }
    await done.send(true);
  },
);

port(import.meta, "sync/mutex_test.go TestSemaphore", async (w) => {
  const [semaphore, done] = [new Semaphore(w.home, 1), w.channel<boolean>()];
  const all = Array.from({ length: 10 }, () => w.go(hammersSemaphore(semaphore, w.count(300, 60), done)));
  for (let i = 0; i < 10; i++) await done.recv();
  await Promise.all(all);
}, 1);

const hammersMutex = goroutine(
  import.meta,
  "hammersMutex",
  async (w, mutex: Mutex, loops: number, done: Channel<boolean>) => {
    for (let i = 0; i < loops; i++) {
      if (i % 3 === 0) {
        if (mutex.tryLock() === undefined) continue;
      } else await mutex.lock();
      checkEqual(Atomics.add(w.words, 0, 1), 0, "others that hold it");
      // Others get their turn while it is held.
      if (i % 7 === 0) await w.yield();
      Atomics.sub(w.words, 0, 1);
      mutex.unlock();
    }
    await done.send(true);
  },
);

port(import.meta, "sync/mutex_test.go TestMutex", async (w) => {
  const [mutex, done] = [w.mutex(), w.channel<boolean>()];
  await mutex.lock();
  check(mutex.tryLock() === undefined, "tryLock succeeded with the mutex locked");
  mutex.unlock();
  check(mutex.tryLock() !== undefined, "tryLock failed with the mutex unlocked");
  mutex.unlock();
  const all = Array.from({ length: 10 }, () => w.go(hammersMutex(mutex, w.count(1000, 100), done)));
  for (let i = 0; i < 10; i++) await done.recv();
  await Promise.all(all);
  check(!mutex.locked, "somebody holds it");
}, 1);

const unlocks = goroutine(import.meta, "unlocks", (_w, mutex: Mutex) => thrown(() => mutex.unlock()));

port(import.meta, "sync/mutex_test.go TestMutexMisuse", async (w) => {
  const mutex = w.mutex();
  checkEqual(await thrown(() => mutex.unlock()), "Error", "unlocking a new one");
  await mutex.lock();
  mutex.unlock();
  checkEqual(await thrown(() => mutex.unlock()), "Error", "unlocking it twice");
  checkEqual(await w.go(unlocks(mutex)), "Error", "unlocking it elsewhere");
  check(mutex.tryLock() !== undefined, "it is of no use any more");
  mutex.unlock();
  // What an RWMutex gives releases once, so Go's other misuses cannot be written.
  const lock = new RWMutex(w.home);
  const held = [await lock.readLock(), await lock.readLock()];
  held[0][Symbol.dispose]();
  held[0][Symbol.dispose]();
  check(lock.tryLock() === undefined, "one unlock counted twice");
  held[1][Symbol.dispose]();
  check(lock.tryLock() !== undefined, "it is still locked");
});

const hogs = goroutine(import.meta, "hogs", async (w, mutex: Mutex, stop: Channel<boolean>) => {
  for (;;) {
    await mutex.lock();
    await w.sleep(0.1);
    mutex.unlock();
    if ((await select([recv(stop)], { default: true })).index === 0) return;
  }
});

const wantsIt = goroutine(import.meta, "wantsIt", async (w, mutex: Mutex) => {
  for (let i = 0; i < 10; i++) {
    await w.sleep(0.1);
    await mutex.lock();
    mutex.unlock();
  }
});

port(import.meta, "sync/mutex_test.go TestMutexFairness", async (w) => {
  const [mutex, stop] = [w.mutex(), w.channel<boolean>()];
  const hogging = w.go(hogs(mutex, stop));
  await w.go(wantsIt(mutex));
  stop.close();
  await hogging;
});

const readsInParallel = goroutine(
  import.meta,
  "readsInParallel",
  async (_w, lock: RWMutex, locked: Channel<boolean>, unlock: Channel<boolean>, done: Channel<boolean>) => {
    const held = await lock.readLock();
    await locked.send(true);
    await unlock.recv();
    held[Symbol.dispose]();
    await done.send(true);
  },
);

port(import.meta, "sync/rwmutex_test.go TestParallelReaders", async (w) => {
  for (const readers of [1, 3, 4]) {
    const lock = new RWMutex(w.home);
    const [locked, unlock, done] = [w.channel<boolean>(), w.channel<boolean>(), w.channel<boolean>()];
    const all = Array.from({ length: readers }, () => w.go(readsInParallel(lock, locked, unlock, done)));
    for (let i = 0; i < readers; i++) await locked.recv();
    for (let i = 0; i < readers; i++) await unlock.send(true);
    for (let i = 0; i < readers; i++) await done.recv();
    await Promise.all(all);
  }
});

const WRITER = 10_000;

const reads = goroutine(import.meta, "reads", async (w, lock: RWMutex, times: number) => {
  for (let i = 0; i < times; i++) {
    using _held = await lock.readLock();
    const n = Atomics.add(w.words, 0, 1) + 1;
    check(n >= 1 && n < WRITER, `a reader sees ${n}`);
    if (i % 5 === 0) await w.yield();
    Atomics.sub(w.words, 0, 1);
  }
});

const writes = goroutine(import.meta, "writes", async (w, lock: RWMutex, times: number) => {
  for (let i = 0; i < times; i++) {
    using _held = await lock.lock();
    const n = Atomics.add(w.words, 0, WRITER) + WRITER;
    checkEqual(n, WRITER, "a writer sees");
    if (i % 5 === 0) await w.yield();
    Atomics.sub(w.words, 0, WRITER);
  }
});

port(import.meta, "sync/rwmutex_test.go TestRWMutex", async (w) => {
  const lock = new RWMutex(w.home);
  {
    using _held = await lock.lock();
    check(lock.tryLock() === undefined && lock.tryReadLock() === undefined, "a try succeeded with it locked");
  }
  {
    using held = lock.tryLock();
    check(held !== undefined, "tryLock failed with it unlocked");
  }
  {
    using one = lock.tryReadLock();
    using other = lock.tryReadLock();
    check(one !== undefined && other !== undefined, "tryReadLock failed");
    check(lock.tryLock() === undefined, "tryLock succeeded with readers");
  }
  const times = w.count(100, 20);
  for (const readers of [1, 3, 10]) {
    const own = new RWMutex(w.home);
    const all = [w.go(writes(own, times))];
    for (let i = 0; i < readers >> 1; i++) all.push(w.go(reads(own, times)));
    all.push(w.go(writes(own, times)));
    for (let i = readers >> 1; i < readers; i++) all.push(w.go(reads(own, times)));
    await Promise.all(all);
  }
}, 1);

const locksInTurn = goroutine(
  import.meta,
  "locksInTurn",
  async (
    _w,
    lock: RWMutex,
    times: number,
    readLocked: Channel<boolean>,
    unlock: Channel<number>,
    locked: Channel<boolean>,
  ) => {
    for (let i = 0; i < times; i++) {
      const readers = [await lock.readLock(), await lock.readLock()];
      const writing = lock.lock();
      await readLocked.send(true);
      for (const _ of readers) readers[await unlock.recv()][Symbol.dispose]();
      const writer = await writing;
      await locked.send(true);
      await unlock.recv();
      writer[Symbol.dispose]();
    }
  },
);

// Locks are released where they were acquired: so main says when, and does not do it itself as Go's does.
port(import.meta, "sync/rwmutex_test.go TestRLocker", async (w) => {
  const [lock, times] = [new RWMutex(w.home), 10];
  const [readLocked, locked] = [w.channel<boolean>(1), w.channel<boolean>(1)];
  const unlock = w.channel<number>();
  const locking = w.go(locksInTurn(lock, times, readLocked, unlock, locked));
  for (let i = 0; i < times; i++) {
    await readLocked.recv();
    check(lock.tryReadLock() === undefined, "a reader overtakes the writer that waits");
    await unlock.send(0);
    check(locked.tryRecv() === undefined, "a writer beside a reader");
    await unlock.send(1);
    await locked.recv();
    check(
      readLocked.tryRecv() === undefined && lock.tryReadLock() === undefined,
      "a reader beside the writer",
    );
    await unlock.send(0);
  }
  await locking;
});

const doneAndWaits = goroutine(
  import.meta,
  "doneAndWaits",
  async (_w, one: WaitGroup, other: WaitGroup, exited: Channel<boolean>) => {
    one.done();
    await other.wait();
    await exited.send(true);
  },
);

port(import.meta, "sync/waitgroup_test.go TestWaitGroup", async (w) => {
  const [n, one, other] = [16, new WaitGroup(w.home), new WaitGroup(w.home)];
  for (let round = 0; round < w.count(8, 3); round++) {
    one.add(n);
    other.add(n);
    const exited = w.channel<boolean>(n);
    const all = Array.from({ length: n }, () => w.go(doneAndWaits(one, other, exited)));
    await one.wait();
    for (let i = 0; i < n; i++) {
      check(exited.tryRecv() === undefined, "the group was released too soon");
      other.done();
    }
    for (let i = 0; i < n; i++) await exited.recv();
    await Promise.all(all);
  }
});

port(import.meta, "sync/waitgroup_test.go TestWaitGroupMisuse", async (w) => {
  const group = new WaitGroup(w.home);
  group.add(1);
  group.done();
  checkEqual(await thrown(() => group.done()), "RangeError", "a count below 0");
  await group.wait();
});

const addsAndIsDone = goroutine(import.meta, "addsAndIsDone", (w, group: WaitGroup, word: number) => {
  Atomics.add(w.words, word, 1);
  group.done();
});

port(import.meta, "sync/waitgroup_test.go TestWaitGroupRace", async (w) => {
  for (let i = w.count(300, 40); i > 0; i--) {
    const group = new WaitGroup(w.home);
    Atomics.store(w.words, 0, 0);
    const all = [0, 1].map(() => {
      group.add(1);
      return w.go(addsAndIsDone(group, 0));
    });
    await group.wait();
    checkEqual(Atomics.load(w.words, 0), 2, "a wait that ended too soon");
    await Promise.all(all);
  }
}, 1);

const doesOnce = goroutine(import.meta, "doesIt", async (w, once: Once, done: Channel<boolean>) => {
  await once.do(async () => {
    await w.yield();
    Atomics.add(w.words, 0, 1);
  });
  checkEqual(Atomics.load(w.words, 0), 1, "once failed inside");
  await done.send(true);
});

port(import.meta, "sync/once_test.go TestOnce", async (w) => {
  const [once, done] = [new Once(w.home), w.channel<boolean>()];
  const all = Array.from({ length: 10 }, () => w.go(doesOnce(once, done)));
  for (let i = 0; i < 10; i++) await done.recv();
  checkEqual(Atomics.load(w.words, 0), 1, "once failed outside");
  await Promise.all(all);
}, 1);

const doesItAgain = goroutine(import.meta, "doesItAgain", async (_w, once: Once) => {
  await once.do(() => check(false, "it is done twice"));
});

port(import.meta, "sync/once_test.go TestOncePanic", async (w) => {
  for (
    const fail of [() => check(false, "failed"), () => Promise.reject(new Error("failed")), () => {
      throw new Error("failed");
    }]
  ) {
    const once = new Once(w.home);
    checkEqual(await thrown(() => once.do(fail)), "Error", "who does it");
    await once.do(() => check(false, "it is done twice"));
    await w.go(doesItAgain(once));
    check(once.isDone, "it is not done");
  }
});
