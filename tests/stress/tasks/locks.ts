/** Who holds what. */
import { Mutex, RWMutex, Semaphore, task, type TaskContext } from "@heddle/heddle";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

/** Words of a lock's record. */
export const [WRITERS, READERS, SECTIONS, VIOLATIONS] = [0, 1, 2, 3];

type Lock = Mutex | RWMutex | Semaphore;

/** Enters and leaves; words say who is inside. `limit` is the semaphore's. */
export const locks = task(
  import.meta,
  "locks",
  async (ctx, lock: Lock, buffer: SharedArrayBuffer, limit: number, rounds: number, seed: number) => {
    const random = new Random(seed);
    const words = new Int32Array(buffer);
    let sections = 0;
    for (let i = 0; i < rounds; i++) {
      const isReader = lock instanceof RWMutex && random.chance(60);
      const permits = lock instanceof Semaphore ? 1 + random.below(limit) : 1;
      const held = await enter(ctx, lock, isReader, permits, random);
      if (held === undefined) continue;
      using _held = random.chance(30) ? byName(lock, permits) ?? held : held;
      const word = isReader ? READERS : WRITERS;
      const before = Atomics.add(words, word, permits);
      const most = lock instanceof Semaphore ? limit : 1;
      if (
        isReader
          ? Atomics.load(words, WRITERS) > 0
          : before + permits > most || Atomics.load(words, READERS) > 0
      ) {
        Atomics.add(words, VIOLATIONS, 1);
      }
      try {
        if (!isReader && most === 1) words[SECTIONS] = await increased(ctx, words[SECTIONS], random);
        else await linger(ctx, random);
      } finally {
        Atomics.sub(words, word, permits);
      }
      if (!isReader && most === 1) sections++;
    }
    return sections;
  },
);

/** The other way to let it go. A RWMutex has none. */
function byName(lock: Lock, permits: number): Disposable | undefined {
  if (lock instanceof Mutex) return { [Symbol.dispose]: () => lock.unlock() };
  if (lock instanceof Semaphore) return { [Symbol.dispose]: () => lock.release(permits) };
}

/** Not atomic: the lock has to see to that. */
async function increased(ctx: TaskContext, n: number, random: Random): Promise<number> {
  try {
    await linger(ctx, random);
  } catch {
    // Cancelled: the section ends as it would have.
  }
  return n + 1;
}

async function enter(
  ctx: TaskContext,
  lock: Lock,
  isReader: boolean,
  permits: number,
  random: Random,
): Promise<Disposable | undefined> {
  const { signal } = ctx;
  const dice = random.below(10);
  if (dice < 2) {
    if (lock instanceof Semaphore) return lock.tryAcquire(permits);
    return isReader ? (lock as RWMutex).tryReadLock() : lock.tryLock();
  }
  const isHurried = dice < 4;
  const chosen = isHurried ? AbortSignal.any([signal, AbortSignal.timeout(random.below(4))]) : signal;
  try {
    if (lock instanceof Semaphore) return await lock.acquire(permits, { signal: chosen });
    return await (isReader ? (lock as RWMutex).readLock({ signal: chosen }) : lock.lock({ signal: chosen }));
  } catch (error) {
    if (isHurried && !signal.aborted && error === chosen.reason) return undefined;
    throw error;
  }
}
