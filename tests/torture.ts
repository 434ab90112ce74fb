/**
 * Random mixes of everything that takes a thread or a P away: blocking calls, locks, dedications, lockers, changes of
 * procs, cancellations, deaths of threads and close(), with few threads to go round.
 *
 *   deno task torture [seconds] [first seed] [one]
 *
 * After each seed: every promise has settled, all Ps are idle, nobody spins or blocks, and after close() no thread is
 * left. The first seed that breaks that ends the program; with `one` only that seed runs.
 */
import { Scheduler, type Task, type ThreadLocker } from "@heddle/heddle";
import { threadName, tids } from "./os_threads.ts";
import { script, type Step } from "./tasks/script.ts";

const [seconds = 60, firstSeed = Date.now() % 1e6, only] = Deno.args.map(Number);

const PATIENCE = 15_000;

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }
  /** xorshift32 (Marsaglia) */
  below(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % n;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

function randomScript(random: Random, depth: number, deadly: boolean): Step[] {
  const steps: Step[] = [];
  let [locks, dedications] = [0, 0];
  const length = 1 + random.below(8);
  for (let i = 0; i < length; i++) {
    const dice = random.below(100);
    if (dice < 8) steps.push(["sleep", random.below(4)]);
    else if (dice < 18) steps.push(["outside", random.below(4)]);
    else if (dice < 24) steps.push(["microtasks", random.below(12)]);
    else if (dice < 30) steps.push(["yield"]);
    else if (dice < 34) steps.push(["resumeLater"]);
    else if (dice < 48) steps.push(["block", random.of([0, 1, 20, 50, 200, 2_000, 12_000])]);
    else if (dice < 56) steps.push(["handOff", random.of([0, 20, 200, 2_000, 12_000])]);
    else if (dice < 64) steps.push(["compute", random.of([1, 100, 1_000, 3_000, 14_000])]);
    else if (dice < 70) (locks++, steps.push(["lock"]));
    else if (dice < 74) (locks--, steps.push(["unlock"]));
    else if (dice < 79) (dedications++, steps.push(["dedicate"]));
    else if (dice < 83 && dedications > 0) (dedications--, steps.push(["undedicate"]));
    else if (dice < 90 && depth > 0) steps.push(["start", randomScript(random, depth - 1, deadly)]);
    else if (dice < 95 && depth > 0) steps.push(["child", randomScript(random, depth - 1, deadly)]);
    else if (dice < 96) steps.push(["cancelLast"]);
    else if (dice < 97) steps.push(["throw"]);
    else if (dice < 98 && deadly) steps.push(["exit"]);
  }
  // Mostly they give back what they took; else the thread ends with them.
  if (random.chance(80)) {
    for (; locks > 0; locks--) steps.push(["unlock"]);
    for (; dedications > 0; dedications--) steps.push(["undedicate"]);
  }
  return steps;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function within(holds: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + PATIENCE; !holds(); await pause(1)) {
    if (performance.now() > end) throw new Error(`Not within ${PATIENCE} ms: ${what}`);
  }
}

let lastBeat = performance.now();
let longestFreeze = 0;
setInterval(() => {
  const now = performance.now();
  longestFreeze = Math.max(longestFreeze, now - lastBeat);
  lastBeat = now;
}, 5);

async function run(seed: number, kinds: Map<string, number>): Promise<void> {
  const random = new Random(seed);
  const procs = 1 + random.below(3);
  const deadly = random.chance(30);
  const maxThreads = procs + 1 + random.below(5);
  const maxTasks = random.chance(20) ? 8 : 4096;
  const before = new Set(tids());
  const sched = await Scheduler.start({ procs, maxThreads, maxTasks });
  const outcomes: Promise<void>[] = [];
  const open = new Map<Promise<unknown>, string>();
  const tasks: Task<unknown>[] = [];
  const lockers = new Set<ThreadLocker>();
  let opening = 0;
  const history: string[] = [];
  const count = (kind: string): void => void kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const follow = (promise: Promise<unknown>, what: string) => {
    open.set(promise, what);
    history.push(what);
    outcomes.push(
      promise.then(
        () => count("done"),
        (error) => count(`${error?.name}: ${String(error?.message).slice(0, 40)}`),
      )
        .finally(() => open.delete(promise)),
    );
  };
  const started = (task: Task<unknown>, what: string) => {
    tasks.push(task);
    follow(task, `#${task.id} ${what}`);
  };
  const attempt = (what: () => void) => {
    try {
      what();
    } catch (error) {
      count(`at once ${(error as Error).name}: ${(error as Error).message.slice(0, 40)}`);
    }
  };
  let last = performance.now();
  const step = async () => {
    const dice = random.below(100);
    const steps = randomScript(random, 2, deadly);
    const words = random.chance(10) ? new SharedArrayBuffer(64) : undefined;
    if (dice < 50) attempt(() => started(sched.go(script(steps, words)), JSON.stringify(steps)));
    else if (dice < 58) {
      attempt(() => started(sched.dedicate(script(steps, words)), `dedicated ${JSON.stringify(steps)}`));
    } else if (dice < 62 && lockers.size + opening < 2) {
      opening++;
      follow(
        sched.locker().then((locker) => {
          lockers.add(locker);
        }).finally(() => opening--),
        "a locker",
      );
    } else if (dice < 74 && lockers.size > 0) {
      const locker = random.of([...lockers]);
      attempt(() => started(locker.go(script(steps, words)), `in a locker ${JSON.stringify(steps)}`));
    } else if (dice < 78 && lockers.size > 0) {
      const locker = random.of([...lockers]);
      lockers.delete(locker);
      follow(locker.close(), "a locker's close()");
      if (random.chance(20)) follow(locker.close(), "its second close()");
    } else if (dice < 82) {
      attempt(() => sched.setProcs(Math.min(1 + random.below(3), maxThreads - 1)));
    } else if (dice < 92 && tasks.length > 0) {
      const task = random.of(tasks.slice(-10));
      history.push(`cancel #${task.id}, which is ${task.state}`);
      task.cancel();
    } else await pause(random.below(12));
    last = performance.now();
  };
  const steps = 20 + random.below(80);
  for (let i = 0; i < steps; i++) await step();
  const failing = (error: unknown) => {
    console.error(`seed ${seed}: procs ${procs} of maxThreads ${maxThreads}, maxTasks ${maxTasks}`);
    console.error(history.join("\n"));
    console.error([...open.values()].join("\n"));
    console.error(sched.stats(), `last step ${performance.now() - last} ms ago`);
    // deno-lint-ignore no-explicit-any -- set by a build for debugging
    const arena = (globalThis as any).__arena;
    if (arena !== undefined) {
      const w = arena.i32;
      for (let m = 0; m < w[2]; m++) {
        const r = arena.isolate(m);
        console.error(
          `M${m} sleep ${w[r]} wants ${w[r + 1]} role ${w[r + 2]} mail ${w[r + 16]} live ${w[r + 34]} tid ${
            w[r + 33]
          }`,
        );
      }
      for (let g = 0; g < arena.slots; g++) {
        const r = arena.g(g);
        if (w[r] !== 0) {
          console.error(
            `slot ${g} owner ${arena.ownerOf(g)} status ${w[r]} M ${w[r + 2]} mailed ${w[r + 5]} cancel ${
              w[r + 6]
            } payload ${w[r + 7]} id ${w[r + 9]} dedicated ${w[r + 11]}`,
          );
        }
      }
      for (let p = 0; p < 3; p++) {
        const r = arena.processor(p);
        console.error(`P${p} ${w[r]} head ${w[r + 16]} tail ${w[r + 32]} next ${w[r + 33]}`);
      }
      console.error("global", w[32], w[48], "idle", w[16] >> 16, w[16] & 65535);
    }
    return error;
  };
  const closesInTheMiddle = random.chance(25);
  try {
    if (!closesInTheMiddle) {
      await within(() => open.size === 0, "all promises settle");
      for (const locker of lockers) follow(locker.close(), "a locker's close()");
      await within(() => open.size === 0, "the lockers close");
      const idle = () => {
        const s = sched.stats();
        return s.idleProcs === s.procs && s.spinning === 0 && s.blockedThreads === 0 && s.inFlight === 0 &&
          s.lockedThreads === 0 && s.dedicatedThreads === 0 && s.queued === 0;
      };
      await within(idle, "nothing is left behind");
      // And it still works, as many tasks at once as there are slots.
      for (let i = 0; i < Math.min(maxTasks, 16); i++) follow(sched.go(script([["sleep", 1]])), "one more");
      await within(() => open.size === 0, "it works as before");
      await within(idle, "nothing is left behind");
    }
    follow(sched.close(), "close()");
    await within(() => open.size === 0, "all settle with close()");
    await within(
      () => tids().every((tid) => before.has(tid) || !threadName(tid).startsWith("worker-")),
      "no thread is left",
    );
  } catch (error) {
    throw failing(error);
  }
  await Promise.all(outcomes);
}

const kinds = new Map<string, number>();
const end = performance.now() + seconds * 1000;
let seed = firstSeed;
for (; performance.now() < end; seed++) {
  longestFreeze = 0;
  lastBeat = performance.now();
  console.log("seed", seed);
  try {
    await run(seed, kinds);
  } catch (error) {
    console.error(`FAILED with seed ${seed}:`, error);
    Deno.exit(1);
  }
  if (longestFreeze > 2_000) console.error(`seed ${seed}: the host stood still for ${longestFreeze} ms`);
  if (only !== undefined) break;
}
console.log(`${seed - firstSeed} seeds, no failure`, Object.fromEntries(kinds));
Deno.exit(0);
