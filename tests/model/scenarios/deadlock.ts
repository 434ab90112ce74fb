/** The host's looks for deadlocks against Ms that wake, go on and park: what it finds is one, and it finds it. */
import { Channel } from "../../../scheduler/sync/channel.ts";
import { RECEIVE } from "../../../scheduler/sync/channel_life.ts";
import { DeadlockWatch } from "../../../scheduler/host/deadlock.ts";
import { DeadlockError } from "../../../scheduler/tasks/errors.ts";
import type { Home } from "../../../scheduler/tasks/home.ts";
import { HostLoop } from "../../../scheduler/host/host_loop.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import type { Call } from "../../../scheduler/tasks/call.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { HostChannel, Member } from "./isolates.ts";
import { meta, Pool, shim } from "./machines.ts";

const outcomes: unknown[] = [];
let channel: HostChannel;

function outcome(error: unknown): string {
  if (error instanceof DeadlockError) return "deadlock";
  throw error;
}

const waitsForNobody = task(meta, "waits for nobody", async (ctx: TaskContext) => {
  outcomes.push(await new Channel(ctx as unknown as Home).recv().catch(outcome));
});
const receives = task(meta, "receives, unless it is told of a deadlock", async (ctx: TaskContext) => {
  outcomes.push(await channel.of(ctx).receive(RECEIVE).catch(outcome));
});
const sends = task(meta, "sleeps, then sends", async (ctx: TaskContext) => {
  await ctx.sleep(1500);
  check(channel.of(ctx).trySend(7), "there is room");
});

/** A host that watches, until the tasks have ended. */
function host(pool: Pool, member: Member, calls: () => Call<unknown>[]): () => Promise<void> {
  const loop = pool.loop = new HostLoop(shim, pool.parker, pool.mailbox, () => void pool.readMail());
  const isolates = pool.machines.map((_, i) => i + 1);
  const watched = { mayBeStuck: true, isolates };
  loop.watch = new DeadlockWatch(member.home, pool, watched);
  return async () => {
    await Promise.all(calls().map((call) => pool.submit(call).promise));
  };
}

/** Longer than an event loop may stand still, so that an M with a G that waits sleeps there. */
const LONG = 30e6;

function stuck(ms: number, bound: number): Scenario {
  return {
    name: `deadlock: ${ms === 1 ? "one task that waits" : "two tasks that wait"} for nobody`,
    bound,
    short: 0,
    rules: { tick: LONG, timePasses: ["host"], timeouts: 2 },
    setUp() {
      outcomes.length = 0;
      const pool = new Pool(ms, new Array(ms).fill(POOL));
      const calls = () => pool.machines.map(() => waitsForNobody());
      return pool.against(
        { host: host(pool, new Member(pool.arena, HOST), calls) },
        () => checkEqual(outcomes, pool.machines.map(() => "deadlock"), "how the tasks ended"),
      );
    },
  };
}

export const alone = stuck(1, 3);
export const together = stuck(2, 1);

export const seeming: Scenario = {
  name: "deadlock: it seems to be one, until a task that sleeps sends",
  bound: 1,
  short: 0,
  rules: { tick: LONG, timePasses: ["M1", "M2"], timeouts: 4 },
  setUp() {
    outcomes.length = 0;
    // As many Ms as there are Ps, so that none ends while it has nothing to do.
    const pool = new Pool(2, [POOL, POOL]);
    channel = new HostChannel(pool.arena);
    return pool.against(
      { host: host(pool, channel.host, () => [receives(), sends()]) },
      () => checkEqual(outcomes, [7], "what was received"),
    );
  },
};
