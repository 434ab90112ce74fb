/** Sleeps and timeouts that end by their time, against everything that ends them before. */
import { isolateOf } from "../../../scheduler/sync/isolate.ts";
import { Channel } from "../../../scheduler/sync/channel.ts";
import { G_DONE } from "../../../scheduler/slots/g_table.ts";
import { Arrived } from "../../../scheduler/sync/handles.ts";
import type { Home } from "../../../scheduler/tasks/home.ts";

import { POOL } from "../../../scheduler/parking/roles.ts";
import { select } from "../../../scheduler/sync/select.ts";
import { after, recv } from "../../../scheduler/sync/select_case.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { HostChannel } from "./isolates.ts";
import { meta, note, Pool } from "./machines.ts";

const sleeps = task(meta, "sleeps", async (ctx: TaskContext) => {
  await ctx.sleep(1);
  note.fn(ctx, 1);
});

export const timer: Scenario = {
  name: "timers: a sleep that ends while tasks are submitted",
  bound: 2,
  short: 1,
  rules: { timePasses: ["M1", "M2"], timeouts: 1 },
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    return pool.against({
      host() {
        pool.submit(sleeps());
        pool.submit(note(2));
      },
    }, () => checkEqual(pool.ran, [1, 2], "what ran"));
  },
};

export const cancelled: Scenario = {
  name: "timers: a sleep that is cancelled as it ends",
  bound: 3,
  short: 1,
  rules: { timePasses: ["M1"], timeouts: 2, tick: 300_000 },
  setUp() {
    const pool = new Pool(1, [POOL]);
    let status = -1;
    return pool.against({
      host() {
        const started = pool.submit(sleeps());
        started.cancel(undefined);
        status = pool.stops(started);
      },
    }, () => {
      checkEqual(pool.ran, status === G_DONE ? [1] : [], "what ran");
      checkEqual(pool.machines[0].sleeping, 0, "Gs that sleep");
    });
  },
};

let channel: HostChannel;
let chosen: unknown;

const selects = task(meta, "selects with a timeout", async (ctx: TaskContext) => {
  const home = isolateOf(ctx, "a test");
  const mine = new Channel<number>(new Arrived(home, channel.object) as unknown as Home);
  chosen = await select([recv(mine), after(1)]);
  checkEqual(home.parked, 0, "operations that are parked");
});

export const selected: Scenario = {
  name: "timers: a select with a timeout against a send",
  bound: 3,
  short: 1,
  rules: { timePasses: ["M1"], timeouts: 2, tick: 300_000 },
  setUp() {
    const pool = new Pool(1, [POOL]);
    channel = new HostChannel(pool.arena);
    chosen = undefined;
    return pool.against({
      host() {
        pool.submit(selects());
        check(channel.trySend(7), "there is room");
      },
    }, () => {
      const [received, late] = [{ index: 0, value: 7, done: false }, { index: 1 }];
      checkEqual(chosen, channel.length === 0 ? received : late, "what was chosen");
    });
  },
};
