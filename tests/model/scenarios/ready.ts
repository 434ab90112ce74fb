/** Mail for a G that has begun, while its M parks: in the futex or in its event loop, and under other Ms' work. */
import { load, pause, store } from "../../../scheduler/atomics.ts";
import { HOME } from "../../../scheduler/isolate.ts";
import type { HasIsolate } from "../../../scheduler/home.ts";
import { RECEIVE } from "../../../scheduler/channel_life.ts";
import { CHANNEL } from "../../../scheduler/handles.ts";
import { C_CAPACITY, CELL_WORDS, DEADLOCK_REPORT, HOST } from "../../../scheduler/memory_layout.ts";
import { POOL } from "../../../scheduler/roles.ts";
import { SharedChannel } from "../../../scheduler/shared_channel.ts";
import type { TaskContext } from "../../../scheduler/context.ts";
import { task } from "../../../scheduler/task.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { Member } from "./isolates.ts";
import { computeUntilSet, meta, note, Pool, sets } from "./machines.ts";

let object = 0;
const got: unknown[] = [];

const hear = task(meta, "hear", async (ctx: TaskContext) => {
  const { [HOME]: home } = ctx as unknown as HasIsolate;
  got.push(await new SharedChannel(home, object, ctx).receive(RECEIVE));
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
      const host = new Member(pool.arena, HOST);
      object = host.home.handles.create(CHANNEL, CELL_WORDS);
      host.home.words[object + C_CAPACITY] = 1;
      const channel = new SharedChannel(host.home, object, host);
      pool.submit(hear());
      return {
        arena: pool.arena,
        threads: {
          ...pool.loops,
          host() {
            if (isBusy) pool.submit(note(1));
            check(channel.trySend(7), "there is room");
          },
        },
        first: ms > 1 ? pool.sleepers : [],
        sleepers: pool.sleepers,
        end() {
          checkEqual(got, [7], "what the task received");
          checkEqual(pool.ran, isBusy ? [1] : [], "other tasks that ran");
          pool.isAtRest();
        },
      };
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
  const { [HOME]: home } = ctx as unknown as HasIsolate;
  got.push(await new SharedChannel(home, object, ctx).receive(RECEIVE));
  store(home.words, COMPUTES, 1);
  computeUntilSet();
});

export const inVain: Scenario = {
  name: "ready: two at one time, and a submit",
  bound: 1,
  short: 1,
  setUp() {
    got.length = 0;
    const pool = new Pool(2, [POOL, POOL]);
    const host = new Member(pool.arena, HOST);
    object = host.home.handles.create(CHANNEL, CELL_WORDS);
    host.home.words[object + C_CAPACITY] = 1;
    const channel = new SharedChannel(host.home, object, host);
    pool.submit(hearsAndComputes());
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          check(channel.trySend(7), "there is room");
        },
        other() {
          // As who has sent mail that was read with another one's.
          pool.idle.ready(1);
          while (load(pool.arena.i32, COMPUTES) === 0) pause();
          pool.submit(sets());
        },
      },
      sleepers: pool.sleepers,
      end() {
        checkEqual(got, [7], "what the task received");
        pool.isAtRest();
      },
    };
  },
};
