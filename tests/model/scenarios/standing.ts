/**
 * Standing still: no M sleeps in the futex beside a continuation that is due, which the model takes for a fault of its own,
 * nor beside something outside that Deno counts. What Deno does not count ends its wait with the M's standstill.
 */
import process from "node:process";
import { load, notify, pause, sleepInEventLoop, store } from "../../../scheduler/arena/atomics.ts";
import { RECEIVE } from "../../../scheduler/sync/channel_life.ts";
import { DEADLOCK_REPORT } from "../../../scheduler/arena/layout/header.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import type { Call } from "../../../scheduler/tasks/call.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, count, type Scenario } from "../scenario.ts";
import { HostChannel } from "./isolates.ts";
import { meta, note, Pool } from "./machines.ts";

/** Words of the header that nobody uses. */
const ARRIVED = DEADLOCK_REPORT;
const SEEN = DEADLOCK_REPORT + 1;
/** More awaits than the loop of an M has of its own. */
const LONG = 24;

let pool: Pool;
let first: HostChannel;
let second: HostChannel;
const got: unknown[] = [];

function begin(procs: number, ms: number, capacity: number): void {
  got.length = 0;
  pool = new Pool(procs, new Array(ms).fill(POOL));
  first = new HostChannel(pool.arena, capacity);
  second = new HostChannel(pool.arena, capacity);
}

async function awaitLong(): Promise<void> {
  for (let i = 0; i < LONG; i++) await undefined;
}

const hears = task(meta, "hears once", async (ctx: TaskContext, n: number) => {
  got.push(await (n === 1 ? first : second).of(ctx).receive(RECEIVE));
});

// Parents ------------------------------------------------------------------------------------------------------------------

const returns = task(meta, "returns balls", async (ctx: TaskContext, balls: number) => {
  ctx.lockOSThread();
  const [there, back] = [first.of(ctx), second.of(ctx)];
  for (let i = 0; i < balls; i++) await back.send(await there.receive(RECEIVE));
  ctx.unlockOSThread();
});
const plays = task(meta, "plays", async (ctx: TaskContext, balls: number) => {
  ctx.lockOSThread();
  const [there, back] = [first.of(ctx), second.of(ctx)];
  const child = ctx.go(returns(balls));
  for (let i = 0; i < balls; i++) {
    await there.send(i);
    got.push(await back.receive(RECEIVE));
  }
  await child;
  ctx.unlockOSThread();
});

export const pingPong: Scenario = {
  name: "standing: two locked tasks pass a ball to and fro",
  bound: 1,
  short: 0,
  setUp() {
    // The third M is the one that the pool must keep.
    begin(1, 3, 0);
    return pool.against(
      { host: () => void pool.submit(plays(2)) },
      () => checkEqual(got, [0, 1], "balls that came back"),
    );
  },
};

/** Starts a child, which others take, and receives twice. */
const parentHears = task(meta, "parent hears", async (ctx: TaskContext) => {
  ctx.lockOSThread();
  const child = ctx.go(hears(2));
  got.push(await first.of(ctx).receive(RECEIVE));
  ctx.unlockOSThread();
  got.push(await first.of(ctx).receive(RECEIVE));
  await child;
});

export const parentOnChannel: Scenario = {
  name: "standing: a parent on a channel, its child on another, and one P",
  bound: 2,
  short: 1,
  setUp() {
    begin(1, 2, 2);
    pool.submit(parentHears());
    return pool.against({
      host() {
        check(first.trySend(1), "there is room");
        check(second.trySend(2), "there is room");
        check(first.trySend(3), "there is room");
      },
    }, () => checkEqual(got.toSorted(), [1, 2, 3], "what was received"));
  },
};

/** Computes while its child waits for it, with an await now and then, and awaits it then. */
const parentComputes = task(meta, "parent computes", async (ctx: TaskContext, isLocked: boolean) => {
  if (isLocked) ctx.lockOSThread();
  const child = ctx.go(hears(1));
  await awaitLong();
  check(first.of(ctx).trySend(1), "there is room");
  await awaitLong();
  await child;
  if (isLocked) ctx.unlockOSThread();
  got.push("end");
});

function computing(where: string, ms: number, bound: number): Scenario {
  return {
    name: `standing: a parent that computes before it awaits its child, ${where}`,
    bound,
    short: 1,
    setUp() {
      begin(1, ms, 1);
      return pool.against(
        { host: () => void pool.submit(parentComputes(ms > 1)) },
        () => checkEqual(got, [1, "end"], "what the child received, and its parent's end"),
      );
    },
  };
}

export const computingHere = computing("on one thread", 1, 2);
export const computingElsewhere = computing("on two threads", 2, 2);

// Several Gs on one thread -----------------------------------------------------------------------------------------------------

const tellsLate = task(meta, "tells late", async (ctx: TaskContext) => {
  await awaitLong();
  await first.of(ctx).send(1);
});
/** Its ticks come right before those of the M. */
const tellsByTicks = task(meta, "tells by ticks", async (ctx: TaskContext, ticks: number) => {
  for (let i = 0; i < ticks; i++) await new Promise<void>((resolve) => void process.nextTick(resolve));
  await awaitLong();
  await first.of(ctx).send(1);
});
/** Waits for two things at once: it counts twice. */
const hearsTwice = task(meta, "hears twice", async (ctx: TaskContext) => {
  const both = [first.of(ctx).receive(RECEIVE), second.of(ctx).receive(RECEIVE)];
  got.push(...await Promise.all(both));
});

function beside(name: string, calls: () => Call<unknown>[], expected: unknown[]): Scenario {
  return {
    name: `standing: ${name}`,
    bound: 2,
    short: 1,
    setUp() {
      begin(1, 1, 1);
      return pool.against({
        host() {
          for (const call of calls()) pool.submit(call);
          check(second.trySend(2), "there is room");
        },
      }, () => checkEqual(got, expected, "what was received"));
    },
  };
}

export const besideContinuation = beside(
  "one waits for two things, and another one's continuation is due",
  () => [hearsTwice(), tellsLate()],
  [1, 2],
);
export const besideTick = beside(
  "one waits for two things, and another one's continuation is due by a tick",
  () => [hearsTwice(), tellsByTicks(1)],
  [1, 2],
);
export const besideTicks = beside(
  "one waits for two things, and another one's continuation is due by two ticks",
  () => [hearsTwice(), tellsByTicks(2)],
  [1, 2],
);

const tellsAndHears = task(meta, "tells, and hears once", async (ctx: TaskContext) => {
  await second.of(ctx).send(0);
  got.push(await first.of(ctx).receive(RECEIVE));
});
/** Ends while its child runs elsewhere. What follows on the child's end is due when the mail has come that says so. */
const leavesChild = task(meta, "leaves its child", async (ctx: TaskContext) => {
  ctx.lockOSThread();
  ctx.go(tellsAndHears()).then(awaitLong).then(() => got.push("later"));
  await second.of(ctx).receive(RECEIVE);
  ctx.unlockOSThread();
});

export const left: Scenario = {
  name: "standing: what an ended task has left behind is due",
  bound: 1,
  short: 0,
  setUp() {
    begin(1, 2, 1);
    pool.submit(leavesChild());
    const setting = pool.against(
      { host: () => void check(first.trySend(1), "there is room") },
      () => checkEqual(got, [1, "later"], "what was received, and what followed"),
    );
    return { ...setting, first: [] };
  },
};

// The world outside -------------------------------------------------------------------------------------------------------------

/** Waits for something outside, which Deno counts (a fetch) or does not (Atomics.waitAsync). */
async function outside(isCounted: boolean): Promise<void> {
  const { i32 } = pool.arena;
  if (isCounted) count(1);
  while (load(i32, ARRIVED) === 0) await sleepInEventLoop(i32, ARRIVED, 0, Infinity);
  if (isCounted) count(-1);
}
const looksOutside = task(meta, "looks outside", async (_ctx: TaskContext, isCounted: boolean) => {
  await outside(isCounted);
  got.push("outside");
  store(pool.arena.i32, SEEN, 1);
});
/** Whatever comes first. */
const races = task(meta, "races", async (ctx: TaskContext, isCounted: boolean) => {
  const received = first.of(ctx).receive(RECEIVE);
  got.push(await Promise.race([outside(isCounted).then(() => "outside"), received]));
  store(pool.arena.i32, SEEN, 1);
  got.push(await received);
});

/** After something outside it sleeps, which the M hears of, while a continuation of it is due. */
const sleepsLater = task(meta, "sleeps later", async (ctx: TaskContext) => {
  await outside(true);
  store(pool.arena.i32, SEEN, 1);
  await Promise.all([ctx.sleep(1), awaitLong()]);
  got.push("outside");
});

/** That its thread is locked ends the sleep in the event loop. The task ends in the turn that comes before the next one. */
const locksAndEnds = task(meta, "locks its thread, and ends", async (ctx: TaskContext) => {
  await outside(true);
  ctx.lockOSThread();
  await awaitLong();
  got.push("end");
});

export const endsWithThread: Scenario = {
  name: "standing: a task ends with its thread in the turn before that sleeps",
  bound: 2,
  short: 1,
  setUp() {
    // The second M is the one that the pool must keep.
    begin(1, 2, 1);
    pool.submit(locksAndEnds());
    const setting = pool.against({
      host() {
        store(pool.arena.i32, ARRIVED, 1);
        notify(pool.arena.i32, ARRIVED);
        pool.submit(note(1));
      },
    }, () => checkEqual([got, pool.ran], [["end"], [1]], "what the tasks did"));
    return { ...setting, sleepers: ["M2"] };
  },
};

/** What they wait for outside comes, and when that was seen, what they receive. */
function looking(
  name: string,
  isHidden: boolean,
  calls: () => Call<unknown>[],
  expected: unknown[],
): Scenario {
  return {
    name: `standing: ${name}`,
    bound: 3,
    short: 1,
    rules: { timePasses: isHidden ? ["M1"] : [] },
    setUp() {
      begin(1, 1, 1);
      for (const call of calls()) pool.submit(call);
      return pool.against({
        host() {
          store(pool.arena.i32, ARRIVED, 1);
          notify(pool.arena.i32, ARRIVED);
          // Nothing else is to end a sleep in its place.
          while (load(pool.arena.i32, SEEN) === 0) pause();
          check(first.trySend(1), "there is room");
          check(second.trySend(2), "there is room");
        },
      }, () => checkEqual(got, expected, "what came"));
    },
  };
}

export const sleeping = looking(
  "something outside, and then a sleep beside a continuation that is due",
  true,
  () => [sleepsLater()],
  ["outside"],
);
export const counted = looking(
  "one waits for two things, and hides another one that waits for something outside",
  false,
  () => [hearsTwice(), looksOutside(true)],
  ["outside", 1, 2],
);
export const raced = looking(
  "whatever comes first, a message or something outside",
  false,
  () => [races(true)],
  ["outside", 1],
);
export const uncounted = looking(
  "something outside that Deno does not count, and a task on a channel",
  false,
  () => [hears(1), looksOutside(false)],
  ["outside", 1],
);
export const hidden = looking(
  "one waits for two things, and hides another one's wait that Deno does not count",
  true,
  () => [hearsTwice(), looksOutside(false)],
  ["outside", 1, 2],
);
