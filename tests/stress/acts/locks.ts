/** Locks of all kinds around a count that is not atomic, and who waits for whom. */
import { Barrier, Mutex, Once, RWMutex, Semaphore, WaitGroup } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { locks, READERS, SECTIONS, VIOLATIONS, WRITERS } from "../tasks/locks.ts";
import { doesOnce, meets, waitsForGroup, worksInGroup } from "../tasks/meetings.ts";

export async function exclusion(act: Act): Promise<void> {
  const { random, sched } = act;
  const limit = 1 + random.below(3);
  const lock = random.of([
    () => new Mutex(sched),
    () => new RWMutex(sched),
    () => new Semaphore(sched, limit),
  ])();
  const buffer = new SharedArrayBuffer(64);
  const words = new Int32Array(buffer);
  const rounds = 1 + random.below(15);
  const sections = await Promise.all(
    Array.from(
      { length: 2 + random.below(5) },
      (_, i) => act.outcome(act.go(locks(lock, buffer, limit, rounds, random.below(2 ** 31))), `locker ${i}`),
    ),
  );
  act.check(Atomics.load(words, VIOLATIONS) === 0, `${lock} let ${words[VIOLATIONS]} in that had to wait`);
  if (!act.isWhole) return;
  act.check(words[WRITERS] === 0 && words[READERS] === 0, `${lock} is held by ${words}`);
  const sum = sections.reduce<number>((sum, n) => sum + n!, 0);
  act.check(words[SECTIONS] === sum, `${sum} sections counted to ${words[SECTIONS]} under ${lock}`);
  const isFree = lock instanceof Mutex
    ? !lock.locked
    : lock instanceof Semaphore
    ? lock.available === limit
    : true;
  act.check(isFree, `${lock} is not free`);
}

export async function waitGroup(act: Act): Promise<void> {
  const { random, sched } = act;
  const group = new WaitGroup(sched);
  const buffer = new SharedArrayBuffer(64);
  const n = 1 + random.below(8);
  group.add(n);
  const waiting = Array.from(
    { length: random.below(3) },
    () => act.outcome(act.go(waitsForGroup(group, buffer)), "who waits for the group"),
  );
  const working = Array.from(
    { length: n },
    () => act.outcome(act.go(worksInGroup(group, buffer, random.below(2 ** 31))), "one of the group"),
  );
  const host = act.outcome(group.wait({ signal: act.signal }), "the host waits for the group");
  await Promise.all([...working, host]);
  if (act.isWhole) act.check(group.count === 0, `the group counts ${group.count}`);
  for (const done of await Promise.all(waiting)) {
    if (act.isWhole) act.check(done === n, `${done} of ${n} were done when the wait was over`);
  }
}

export async function barrier(act: Act): Promise<void> {
  const { random, sched } = act;
  const parties = 1 + random.below(4);
  const meeting = new Barrier(sched, parties);
  const rounds = 1 + random.below(8);
  const buffer = new SharedArrayBuffer(64);
  const outcomes = await Promise.all(
    Array.from(
      { length: parties },
      (_, i) => act.outcome(act.go(meets(meeting, buffer, rounds, random.below(2 ** 31))), `party ${i}`),
    ),
  );
  if (!act.isWhole) return;
  const last = outcomes.reduce((sum, outcome) => sum + outcome!.last, 0);
  act.check(last === rounds, `${last} were the last one, in ${rounds} rounds`);
  act.check(outcomes.every((outcome) => outcome!.missing === 0), "the barrier opened too early");
}

export async function once(act: Act): Promise<void> {
  const { random, sched } = act;
  const one = new Once(sched);
  const buffer = new SharedArrayBuffer(64);
  const outcomes = await Promise.all(
    Array.from(
      { length: 1 + random.below(6) },
      () => act.outcome(act.go(doesOnce(one, buffer, random.below(2 ** 31))), "one that does it once"),
    ),
  );
  act.check(new Int32Array(buffer)[0] <= 1, "it was done twice");
  if (act.isWhole) {
    act.check(one.isDone && outcomes.every((isDone) => isDone), "do() ended before it was done");
  }
}
