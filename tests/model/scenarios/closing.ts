/**
 * close() against all that a task may be in: every thread ends, and what the host waits for settles. What tasks wait for
 * does not: nothing of theirs goes on.
 */
import { isolateOf } from "../../../scheduler/sync/isolate.ts";
import { Channel } from "../../../scheduler/sync/channel.ts";
import { RECEIVE } from "../../../scheduler/sync/channel_life.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import { Arrived, type Shareable } from "../../../scheduler/sync/handles.ts";
import type { Home } from "../../../scheduler/tasks/home.ts";

import { Mutex } from "../../../scheduler/sync/mutex.ts";
import { POOL, type Role, SPARE } from "../../../scheduler/parking/roles.ts";
import { select } from "../../../scheduler/sync/select.ts";
import { recv } from "../../../scheduler/sync/select_case.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import type { Call } from "../../../scheduler/tasks/call.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, type Scenario } from "../scenario.ts";
import { HostChannel } from "./isolates.ts";
import { computeUntilSet, dedicates, meta, note, Pool } from "./machines.ts";

export const parked: Scenario = {
  name: "close: Ms that park, run and spin end",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2, [POOL, POOL]);
    return pool.endingAgainst({
      host() {
        pool.submit(note(1));
        pool.close();
      },
    });
  },
};

export const owner: Scenario = {
  name: "close: a task that dedicates its thread, a task in a queue, and stop",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    return pool.endingAgainst({
      host() {
        pool.submit(dedicates());
        pool.submit(note(3));
        pool.close();
      },
    });
  },
};

const waits = task(meta, "waits until it may go on", (ctx: TaskContext, handOff: boolean) => {
  ctx.blocking(computeUntilSet, { handOff });
});

export const calling: Scenario = {
  name: "blocking: a call that comes back when all is closing",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    return pool.endingAgainst({
      host() {
        pool.submit(waits(true));
        pool.set();
        pool.close();
      },
    });
  },
};

export const withSysmon: Scenario = {
  name: "close: a call whose P sysmon may take, and sysmon",
  bound: 2,
  short: 1,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    return pool.endingAgainst({
      host() {
        pool.submit(waits(false));
        pool.submit(note(1));
        pool.close();
        pool.set();
      },
      sysmon: pool.sysmon(),
    });
  },
};

let channel: HostChannel;
let mutex: number;

const arrived = (ctx: TaskContext, object: number) =>
  new Arrived(isolateOf(ctx, "a test"), object) as unknown as Home;

const sends = task(meta, "sends", (ctx: TaskContext) => channel.of(ctx).send(1));
const receives = task(meta, "receives", (ctx: TaskContext) => channel.of(ctx).receive(RECEIVE));
const selects = task(meta, "selects", async (ctx: TaskContext) => {
  const mine = new Channel<number>(arrived(ctx, channel.object));
  await select([recv(mine), recv(new Channel<number>(ctx as unknown as Home, 1))]);
});
const locks = task(meta, "locks", async (ctx: TaskContext) => {
  const lock = new Mutex(arrived(ctx, mutex));
  await lock.lock();
  await ctx.yield();
  lock.unlock();
});
const receivesOn = task(meta, "receives on a thread of its own", async (ctx: TaskContext, how: string) => {
  if (how === "dedicated") ctx.dedicate();
  else ctx.lockOSThread();
  await channel.of(ctx).receive(RECEIVE);
});
const sleeps = task(meta, "sleeps until it is closed", (ctx: TaskContext) => ctx.sleep(1e6));
const parent = task(meta, "parent of three", async (ctx: TaskContext) => {
  await Promise.all([1, 2, 3].map((n) => ctx.go(note(n))));
});

type Part = (channel: HostChannel) => Promise<unknown>;

const sendsToo: Part = (channel) => channel.send(7);
const receivesToo: Part = (channel) => channel.receive(RECEIVE);
const locksToo: Part = async ({ host }) => {
  const lock = new Mutex(arrived(host as unknown as TaskContext, mutex));
  await lock.lock();
  lock.unlock();
};
const looksOn: Part = () => Promise.resolve();

/** Longer than an event loop may stand still, so that an M with a G that waits sleeps there. */
const LONG = 30e6;

/** The task is submitted, the host does its part of what it is in, and closes. */
function closing(
  what: string,
  call: () => Call<unknown>,
  part: Part,
  roles: readonly Role[] = [POOL],
  tick = 15_000,
): Scenario {
  return {
    name: `close: ${what}`,
    bound: 2,
    short: 1,
    rules: { tick },
    setUp() {
      const pool = new Pool(1, roles);
      channel = new HostChannel(pool.arena, 0);
      const { home } = channel.host;
      mutex = (new Mutex(channel.host as unknown as Home)[HANDLE] as Shareable).share();
      let hasSettled = false;
      return pool.endingAgainst({
        async host() {
          pool.submit(call());
          const operation = part(channel);
          home.shutDown(() => new Error("closed"));
          pool.close();
          await operation.catch(() => {});
          hasSettled = true;
        },
      }, () => check(hasSettled, "the host's operation settles"));
    },
  };
}

const two: Role[] = [POOL, POOL];
export const sending = closing("a send", () => sends(), receivesToo);
export const receiving = closing("a receive", () => receives(), sendsToo);
export const inEventLoop = closing("a receive, in the event loop", () => receives(), sendsToo, [POOL], LONG);
export const selecting = closing("a select", () => selects(), sendsToo);
export const locking = closing("a lock", () => locks(), locksToo);
export const sleeping = closing("a sleep", () => sleeps(), looksOn);
export const withChildren = closing("children that run elsewhere", () => parent(), looksOn, two);
export const withSpare = closing("a spare", () => note(1), looksOn, [POOL, SPARE]);
export const dedicated = closing("a dedicated thread", () => receivesOn("dedicated"), sendsToo, two);
export const locked = closing("a locked thread", () => receivesOn("locked"), sendsToo, two);
