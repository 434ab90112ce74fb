/** G slots: their statuses, their reuse while mail about the last task is under way, cancellation, publication. */
import { pause } from "../../../scheduler/arena/atomics.ts";
import { G_DONE, G_DROPPED, G_FAILED, G_RUNNING } from "../../../scheduler/slots/g_table.ts";
import { DEDICATED, POOL, SPARE } from "../../../scheduler/parking/roles.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { task } from "../../../scheduler/tasks/define.ts";
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
    const outcomes: unknown[] = [];
    return pool.against({
      host() {
        const first = pool.submit(yields(1));
        first.cancel(undefined);
        statuses.push(pool.stops(first));
        const second = pool.submit(yields(2));
        statuses.push(pool.stops(second));
        outcomes.push(first.outcome, second.outcome);
      },
    }, () => {
      const [first, second] = statuses;
      check([G_DROPPED, G_DONE, G_FAILED].includes(first), `the cancelled task ended with ${first}`);
      checkEqual(second, G_DONE, "the status of the second task");
      checkEqual(outcomes, ["cancelled", "done"], "what became of them");
      checkEqual(pool.ran, first === G_DONE ? [1, 2] : [2], "what ran");
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
          first.cancel(undefined);
          pool.stops(first);
          check(pool.roles.claim(2, DEDICATED), "there is a spare");
          pool.stops(pool.submitOn(2, noted()));
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
        const started = pool.submit(dozes());
        const { slot } = started;
        while (pool.gs.status(slot) !== G_RUNNING) pause();
        // As when a parcel has come, and there is none.
        pool.mail.toRunner(pool.gs.runner(slot), slot);
        started.cancel(undefined);
        status = pool.stops(started);
      },
    }, () => check(status === G_DROPPED || status === G_FAILED, `the task ended with ${status}`));
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

export const waiting: Scenario = {
  name: "host: tasks that wait for a slot, of which one is cancelled",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL], 1);
    let outcomes: unknown[] = [];
    return pool.against({
      host() {
        const all = [yields(1), yields(2), note(3)].map((call) => pool.submit(call));
        all[0].cancel(undefined);
        pool.readMailUntil(() => all.every(({ hasSettled }) => hasSettled));
        outcomes = all.map(({ outcome }) => outcome);
      },
    }, () => {
      checkEqual(outcomes, ["cancelled", "done", "done"], "what became of the tasks");
      checkEqual(pool.ran.filter((n) => n !== 1), [2, 3], "what ran");
    });
  },
};
