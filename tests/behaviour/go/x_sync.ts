/**
 * After the tests of golang.org/x/sync v0.3.0 (BSD licence, The Go Authors): semaphore, and what of errgroup is
 * `parallelMap` here.
 *
 * Permits go back on the thread that acquired them, and who wants more than there are is refused at once: where Go's
 * tests do otherwise, these do not.
 */
import { parallelMap, Semaphore, task, WaitGroup } from "@heddle/heddle";
import { check, checkEqual, goroutine, port, thrown, type World } from "./world.ts";

const hammersWeighted = goroutine(
  import.meta,
  "hammersWeighted",
  async (w, semaphore: Semaphore, n: number, limit: number, loops: number) => {
    for (let i = 0; i < loops; i++) {
      await semaphore.acquire(n);
      const held = Atomics.add(w.words, 0, n) + n;
      check(held <= limit, `${held} of ${limit} permits are held`);
      await w.sleep(Math.random());
      Atomics.sub(w.words, 0, n);
      semaphore.release(n);
    }
  },
);

port(import.meta, "x/sync/semaphore TestWeighted", async (w) => {
  const [n, semaphore] = [4, new Semaphore(w.home, 4)];
  const weights = Array.from({ length: n }, (_, i) => i + 1);
  await Promise.all(weights.map((weight) => w.go(hammersWeighted(semaphore, weight, n, w.count(15, 15)))));
  checkEqual(semaphore.available, n, "permits");
}, 1);

port(import.meta, "x/sync/semaphore TestWeightedPanic", async (w) => {
  checkEqual(await thrown(() => new Semaphore(w.home, 1).release(1)), "RangeError", "a release of nothing");
});

async function tries(semaphore: Semaphore, acquire: (n: number) => unknown): Promise<unknown[]> {
  await semaphore.acquire(1);
  const got = [await acquire(1), await acquire(1)];
  semaphore.release(2);
  got.push(await acquire(1));
  await semaphore.acquire(1);
  got.push(await acquire(1));
  return got;
}

port(import.meta, "x/sync/semaphore TestWeightedTryAcquire", async (w) => {
  const semaphore = new Semaphore(w.home, 2);
  const got = await tries(semaphore, (n) => semaphore.tryAcquire(n) !== undefined);
  checkEqual(got, [true, false, true, false], "tries");
});

port(import.meta, "x/sync/semaphore TestWeightedAcquire", async (w) => {
  const semaphore = new Semaphore(w.home, 2);
  const got = await tries(semaphore, (n) => {
    const acquiring = semaphore.acquire(n, { signal: AbortSignal.timeout(3) });
    return acquiring.then(() => true, (error) => error.name);
  });
  checkEqual(got, [true, "TimeoutError", true, "TimeoutError"], "tries");
});

const holdsForAWhile = goroutine(import.meta, "holdsForAWhile", async (w, semaphore: Semaphore) => {
  using _held = await semaphore.acquire(1);
  await w.sleep(1);
});

// Who wants more than there are keeps nobody out. Go's waits until its context is done.
port(import.meta, "x/sync/semaphore TestWeightedDoesntBlockIfTooBig", async (w) => {
  const [n, semaphore] = [2, new Semaphore(w.home, 2)];
  checkEqual(await thrown(() => semaphore.acquire(n + 1)), "RangeError", "more than there are");
  await Promise.all(Array.from({ length: 3 * n }, () => w.go(holdsForAWhile(semaphore))));
});

const releasesAndAcquires = goroutine(
  import.meta,
  "releasesAndAcquires",
  async (w, semaphore: Semaphore, started: WaitGroup) => {
    await semaphore.acquire(1);
    started.done();
    while (Atomics.load(w.words, 0) === 0) {
      await w.sleep(1);
      semaphore.release(1);
      await semaphore.acquire(1);
    }
    semaphore.release(1);
  },
);

port(import.meta, "x/sync/semaphore TestLargeAcquireDoesntStarve", async (w) => {
  const [n, started] = [4, new WaitGroup(w.home)];
  const semaphore = new Semaphore(w.home, n);
  started.add(n);
  const all = Array.from({ length: n }, () => w.go(releasesAndAcquires(semaphore, started)));
  await started.wait();
  await semaphore.acquire(n);
  Atomics.store(w.words, 0, 1);
  semaphore.release(n);
  await Promise.all(all);
}, 1);

// A wish that is taken back keeps nobody waiting who could have had what he wants.
port(import.meta, "x/sync/semaphore TestAllocCancelDoesntStarve", async (w) => {
  const semaphore = new Semaphore(w.home, 10);
  await semaphore.acquire(1);
  const controller = new AbortController();
  const large = semaphore.acquire(10, { signal: controller.signal }).catch((error) => error.name);
  check(semaphore.tryAcquire(1) === undefined, "it overtakes");
  const small = w.go(holdsForAWhile(semaphore));
  await w.yield();
  controller.abort();
  checkEqual(await large, "AbortError", "the large one");
  using _one = await semaphore.acquire(1);
  await small;
});

// errgroup --------------------------------------------------------------------------------------------------------------

/** Fails for what is below 0. */
const returnsOrFails = task(import.meta, "returnsOrFails", async (ctx, [n, lock]: [number, Semaphore]) => {
  using held = lock.tryAcquire();
  check(held !== undefined, "more are under way than the limit says");
  await ctx.sleep(0.1);
  if (n < 0) throw new RangeError(`doomed ${n}`);
  return n;
});

async function all(w: World, items: number[], limit: number): Promise<unknown> {
  const lock = new Semaphore(w.home, limit);
  const mapped = parallelMap(w.home, items.map((n): [number, Semaphore] => [n, lock]), returnsOrFails, {
    concurrency: limit,
  });
  try {
    return await Array.fromAsync(mapped);
  } catch (error) {
    return (error as Error).message;
  } finally {
    // Those that were cancelled may be on their way out.
    while (lock.available < limit) await w.sleep(0.1);
  }
}

port(import.meta, "x/sync/errgroup TestWithContext", async (w) => {
  for (const items of [[], [1], [-1], [-1, 2], [-1, 2, -3], [1, 2, -3, 4, -5]]) {
    const doomed = items.find((n) => n < 0);
    checkEqual(await all(w, items, 3), doomed === undefined ? items : `doomed ${doomed}`, `of ${items}`);
  }
});

port(import.meta, "x/sync/errgroup TestGoLimit", async (w) => {
  const items = Array.from({ length: w.count(300, 100) }, (_, n) => n);
  checkEqual(await all(w, items, 10), items, "results");
});
