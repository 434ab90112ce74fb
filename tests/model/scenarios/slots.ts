/** G slots: their statuses, their reuse while mail about the last task is under way, cancellation, publication. */
import { pause } from "../../../scheduler/atomics.ts";
import { DONE, DROPPED, FAILED, RUNNING } from "../../../scheduler/g_table.ts";
import { DEDICATED, POOL, SPARE } from "../../../scheduler/roles.ts";
import type { TaskContext } from "../../../scheduler/context.ts";
import { task } from "../../../scheduler/task.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { meta, note, Pool } from "./machines.ts";

const yields = task(meta, "yields", async (ctx: TaskContext, n: number) => {
  await ctx.yield();
  note.fn(ctx, n);
});

const parent = task(meta, "parent", async (ctx: TaskContext) => {
  await Promise.all([1, 2, 3].map((n) => ctx.go(note(n))));
  note.fn(ctx, 4);
});

export const reuse: Scenario = {
  name: "slots: a cancelled task's slot is used again",
  bound: 3,
  short: 2,
  setUp() {
    const pool = new Pool(1, [POOL]);
    const statuses: number[] = [];
    return pool.against({
      host() {
        const first = pool.submit(yields(1));
        pool.cancel(first);
        statuses.push(pool.ends(first));
        const second = pool.submit(yields(2));
        statuses.push(pool.ends(second));
      },
    }, () => {
      const [first, second] = statuses;
      check([DROPPED, DONE, FAILED].includes(first), `the cancelled task ended with ${first}`);
      checkEqual(second, DONE, "the status of the second task");
      checkEqual(pool.ran, first === DONE ? [1, 2] : [2], "what ran");
    });
  },
};

export const dedicated: Scenario = {
  name: "slots: a cancelled task's slot is used for a dedicated thread",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL, SPARE]);
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          const first = pool.submit(yields(1));
          pool.cancel(first);
          pool.ends(first);
          check(pool.idle.roles.claim(2, DEDICATED), "there is a spare");
          const second = pool.write(optioned(), 2);
          pool.idle.mailRunner(2, second);
          pool.ends(second);
        },
      },
      sleepers: pool.sleepers,
      end() {
        check(pool.ran.includes(2), "the dedicated task ran");
      },
    };
  },
};

const noted = task(meta, "noted by a dedicated thread", (ctx: TaskContext) => note.fn(ctx, 2));
const optioned = () => ({ ...noted(), args: [{}, []] }) as ReturnType<typeof noted>;

const dozes = task(meta, "dozes", async (ctx: TaskContext) => {
  // Until it is cancelled.
  await ctx.wait(new Promise(() => {}));
});

export const running: Scenario = {
  name: "slots: a task that waits for ever is cancelled",
  bound: 2,
  short: 1,
  rules: { tick: 30e6 },
  setUp() {
    const pool = new Pool(1, [POOL]);
    let status = -1;
    const setting = pool.against({
      host() {
        const slot = pool.submit(dozes());
        while (pool.gs.status(slot) !== RUNNING) pause();
        // As when a parcel has come, and there is none.
        pool.idle.mailRunner(pool.gs.runner(slot), slot);
        pool.cancel(slot);
        status = pool.ends(slot);
      },
    }, () => check(status === DROPPED || status === FAILED, `the task ended with ${status}`));
    return { ...setting, first: [] };
  },
};

export const publication: Scenario = {
  name: "private queue: children are published to a hungry P",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2);
    return pool.against(
      { host: () => void pool.submit(parent()) },
      () => checkEqual(pool.ran, [1, 2, 3, 4], "what ran"),
    );
  },
};
