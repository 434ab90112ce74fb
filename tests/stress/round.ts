/** A round: one scheduler from its start to its end, with a random set of acts. All that is random is by the seed. */
import { Scheduler, type Stall, type ThreadLocker } from "@heddle/heddle";
import { Act, type Play, type Stage } from "./act.ts";
import { full, ready } from "./acts/admission.ts";
import { bridged, returned } from "./acts/bridged.ts";
import { channels } from "./acts/channels.ts";
import { computing, operating, runaway } from "./acts/computing.ts";
import { deadlock } from "./acts/deadlock.ts";
import { dumps } from "./acts/dumps.ts";
import { failing } from "./acts/errors.ts";
import { cancellations, identity, scope, timeouts, trees } from "./acts/families.ts";
import { offering, returning } from "./acts/handles.ts";
import { hearing } from "./acts/hearing.ts";
import { mapped, piped, settled } from "./acts/lists.ts";
import { barrier, exclusion, once, waitGroup } from "./acts/locks.ts";
import { nativeThread, pool } from "./acts/native.ts";
import { opening } from "./acts/opening.ts";
import { polling } from "./acts/polling.ts";
import { progress } from "./acts/progress.ts";
import { streams } from "./acts/streams.ts";
import { fullHeap, lockers, options, procs, scripts, signals, statistics } from "./acts/threads.ts";
import { traces } from "./acts/traces.ts";
import { transferred, values } from "./acts/values.ts";
import { views } from "./acts/views.ts";
import {
  catchArena,
  caughtArena,
  frozenForGood,
  hasOrphans,
  hasShadow,
  isolates,
  leftBehind,
  lostAfterCollection,
} from "./census.ts";
import { describe, planOf } from "./plan.ts";
import { Random } from "./random.ts";
import { native, poller, threadOptions } from "../support/capabilities.ts";
import { threadName, tids } from "../support/os_threads.ts";

/**
 * Milliseconds after which what has not happened is a hang. A round takes some hundred, and a machine that is full of other
 * work ten times that.
 */
const PATIENCE = 60_000;

const plays: readonly Play[] = [
  channels,
  channels,
  exclusion,
  exclusion,
  waitGroup,
  barrier,
  once,
  trees,
  scope,
  timeouts,
  cancellations,
  mapped,
  settled,
  piped,
  streams,
  progress,
  hearing,
  bridged,
  returned,
  ready,
  full,
  values,
  transferred,
  scripts,
  scripts,
  scripts,
  lockers,
  procs,
  fullHeap,
  opening,
  computing,
  computing,
  operating,
  runaway,
  failing,
  identity,
  offering,
  returning,
  signals,
  statistics,
  dumps,
  traces,
  views,
  ...(native.isThere ? [pool, nativeThread] : []),
  ...(threadOptions.isThere ? [options] : []),
  ...(poller.isThere ? [polling, polling] : []),
];

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Throws what the model says, or what has not happened. Returns how many threads stay frozen for good. */
export async function playRound(seed: number): Promise<number> {
  const random = new Random(seed);
  const plan = planOf(random);
  const { maxThreads, maxTasks, arenaBytes, stallMs } = plan.options;
  const before = new Set(tids());
  const failures: string[] = [];
  const onStall = (stall: Stall) => {
    const isRight = stall.task !== "" && stall.ms >= stallMs! && stall.tid > 0 && stall.shape.startsWith("(");
    if (!isRight) stage.fail(`a stall that is none: ${Deno.inspect(stall)}`);
  };
  catchArena(arenaBytes);
  const sched = await Scheduler.start({ ...plan.options, onStall: random.chance(30) ? onStall : undefined });
  const arena = caughtArena({ maxTasks, maxThreads, bytes: arenaBytes });
  const history: string[] = [];
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const stage: Stage = {
    sched,
    lockers: new Set<ThreadLocker>(),
    plan,
    runaways: 0,
    isClosing: false,
    fail(message) {
      failures.push(message);
      failed.reject(new Error("the model says otherwise"));
    },
    note: (text) => void history.push(text),
    closers: [],
    open: new Map(),
  };

  async function within(promise: Promise<unknown>, what: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Not within ${PATIENCE} ms: ${what}`)), PATIENCE);
    });
    try {
      await Promise.race([promise, late, failed.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function until(holds: () => boolean, what: string): Promise<void> {
    for (const end = performance.now() + PATIENCE; !holds(); await pause(1)) {
      if (performance.now() > end) throw new Error(`Not within ${PATIENCE} ms: ${what}`);
    }
  }

  async function play(play: Play, i: number): Promise<void> {
    const act = new Act(stage, `${i} ${play.name}`, new Random(random.below(2 ** 31)));
    const stopsAfter = random.chance(15) ? random.below(25) : undefined;
    await pause(random.below(40));
    if (stage.isClosing) return;
    stage.note(`${act.name} begins`);
    const timer = stopsAfter === undefined ? undefined : setTimeout(() => act.stop(), stopsAfter);
    try {
      await play(act);
    } catch (error) {
      stage.fail(`${act.name} threw ${Deno.inspect(error)}`);
    }
    clearTimeout(timer);
    stage.note(`${act.name} is over${act.isWhole ? "" : ", not whole"}`);
  }

  function isQuiet(): boolean {
    const s = sched.stats();
    return s.idleProcs === s.procs && s.spinning === 0 && s.blockedThreads === 0 && s.inFlight === 0 &&
      s.lockedThreads === 0 && s.dedicatedThreads === 0 && s.queued === 0 && s.nativeCalls === 0;
  }

  try {
    const acting = Promise.all(
      Array.from({ length: 2 + random.below(10) }, (_, i) => play(random.of(plays), i)),
    );
    if (plan.closesInTheMiddle) {
      await pause(random.below(50));
    } else {
      await within(acting, "all acts end");
      await until(isQuiet, "nothing is left to do");
      await until(() => leftBehind(arena).length === 0, "no slot is left behind");
      if (hasShadow(arena) && !plan.isDeadly && !hasOrphans(arena)) {
        const collecting = lostAfterCollection(arena, sched, maxThreads, PATIENCE / 2).then((lost) => {
          if (lost.length > 0) throw new Error(`Leaked: ${lost.slice(0, 50).join("; ")}`);
        });
        await within(collecting, "garbage is collected on all threads");
        // Now that the host has a handle of nothing.
        if (random.chance(10)) await within(play(deadlock, -1), "a deadlock is found");
      }
    }
    stage.isClosing = true;
    if (random.chance(20)) {
      stage.note("drain()");
      const drained = sched.drain({ timeout: random.below(50) });
      // Its time may be over.
      await within(drained.catch(() => {}), "drain()");
    }
    stage.note("close()");
    await within(sched.close(), "close()");
    await within(acting, "all settles with close()");
    const isOurs = (tid: number) => !before.has(tid) && /^(worker-|heddle-)/.test(threadName(tid));
    // One list for both: the kernel may leave a thread out of it that stands behind one which ends just then.
    let left = 0;
    await until(() => {
      const frozen = frozenForGood(arena);
      const threadsLeft = tids().filter(isOurs);
      left = threadsLeft.length;
      return threadsLeft.every((tid) => frozen.has(tid));
    }, "no thread is left but what is frozen for good");
    if (left > stage.runaways && plan.options.runawayMs === undefined) {
      stage.fail(`${left} threads are left, and ${stage.runaways} tasks ran on`);
    }
    if (failures.length > 0) throw new Error("the model says otherwise");
    for (const close of stage.closers) close();
    return left;
  } catch (error) {
    const arenaLeft = [...isolates(arena), ...leftBehind(arena)];
    throw new Error(
      [
        describe(plan),
        ...history.slice(-60),
        `open: ${[...stage.open.values()].join("\n      ")}`,
        `stats: ${Deno.inspect(sched.stats())}`,
        ...arenaLeft.slice(0, 40),
        ...failures.slice(0, 10),
        (error as Error).message,
      ].join("\n"),
      { cause: error },
    );
  }
}
