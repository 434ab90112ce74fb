/** Mail for a G that has begun, while its M parks: in the futex or in its event loop, and under other Ms' work. */
import { load, pause, store } from "../../../scheduler/arena/atomics.ts";
import { RECEIVE } from "../../../scheduler/sync/channel_life.ts";
import { DEADLOCK_REPORT } from "../../../scheduler/arena/memory_layout.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { HostChannel } from "./isolates.ts";
import { computeUntilSet, meta, note, Pool, sets } from "./machines.ts";

let channel: HostChannel;
const got: unknown[] = [];

const hear = task(meta, "hear", async (ctx: TaskContext) => {
  got.push(await channel.of(ctx).receive(RECEIVE));
});

/** The host sends one value to a task that receives it on an M; then there is another task, if `isBusy`. */
function readyScenario(
  name: string,
  ms: number,
  procs: number,
  tick: number,
  bound: number,
  isBusy: boolean,
): Scenario {
  return {
    name,
    bound,
    short: 1,
    rules: { tick },
    setUp() {
      got.length = 0;
      const pool = new Pool(procs, new Array(ms).fill(POOL));
      channel = new HostChannel(pool.arena);
      pool.submit(hear());
      const setting = pool.against({
        host() {
          if (isBusy) pool.submit(note(1));
          check(channel.trySend(7), "there is room");
        },
      }, () => {
        checkEqual(got, [7], "what the task received");
        checkEqual(pool.ran, isBusy ? [1] : [], "other tasks that ran");
      });
      return ms > 1 ? setting : { ...setting, first: [] };
    },
  };
}

const SHORT = 15_000;
/** Longer than an event loop may stand still, so that an M with a G that waits sleeps there. */
const LONG = 30e6;

export const inFutex = readyScenario("ready: an M that parks in the futex", 1, 1, SHORT, 3, false);
export const inEventLoop = readyScenario("ready: an M that parks in its event loop", 1, 1, LONG, 3, false);
export const busyFutex = readyScenario("ready: two Ms, one P, in the futex", 2, 1, SHORT, 2, true);
export const busyEventLoop = readyScenario("ready: two Ms, one P, in the event loop", 2, 1, LONG, 2, true);

/** Another word of the header that nobody uses. */
const COMPUTES = DEADLOCK_REPORT + 1;

const hearsAndComputes = task(meta, "hears and computes", async (ctx: TaskContext) => {
  got.push(await channel.of(ctx).receive(RECEIVE));
  store(channel.host.home.words, COMPUTES, 1);
  computeUntilSet();
});

export const inVain: Scenario = {
  name: "ready: two at one time, and a submit",
  bound: 1,
  short: 1,
  setUp() {
    got.length = 0;
    const pool = new Pool(2, [POOL, POOL]);
    channel = new HostChannel(pool.arena);
    pool.submit(hearsAndComputes());
    return pool.against({
      host: () => void check(channel.trySend(7), "there is room"),
      other() {
        // As who has sent mail that was read with another one's.
        pool.wakeups.ready(1);
        while (load(pool.arena.i32, COMPUTES) === 0) pause();
        pool.submit(sets());
      },
    }, () => checkEqual(got, [7], "what the task received"));
  },
};

export const signalled: Scenario = {
  name: "ready: two Ms, one P, and a signal to all",
  bound: 2,
  short: 1,
  rules: { tick: LONG },
  setUp() {
    got.length = 0;
    const pool = new Pool(1, [POOL, POOL]);
    channel = new HostChannel(pool.arena);
    pool.submit(hear());
    return pool.against({
      host() {
        pool.submit(note(1));
        check(channel.trySend(7), "there is room");
        // As when something in the header has changed: one that has a note may wake without a P.
        pool.signalAll();
      },
    }, () => {
      checkEqual(got, [7], "what the task received");
      checkEqual(pool.ran, [1], "other tasks that ran");
    });
  },
};
