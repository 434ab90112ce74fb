/** Tasks of other priorities, whose queues nobody looks at before there was one. */
import { POOL } from "../../../scheduler/parking/roles.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { G_FREE } from "../../../scheduler/slots/g_table.ts";
import { type Priority, USER_BLOCKING } from "../../../scheduler/tasks/priority.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { checkEqual, type Scenario } from "../scenario.ts";
import { computeUntilSet, meta, note, Pool, sets } from "./machines.ts";

/** Somebody has to come for its child. */
const hasChild = task(meta, "hasChild", (ctx: TaskContext, priority: Priority) => {
  ctx.go(sets(), { priority });
  // The newest stays private.
  ctx.go(note(1));
  computeUntilSet();
});

function first(priority: Priority): Scenario {
  return {
    name: `priorities: the first ${priority} task, and an M about to park`,
    bound: 3,
    short: 2,
    setUp() {
      const pool = new Pool(1, [POOL]);
      const host = () => {
        pool.submit(note(1));
        pool.submit(note(2), { priority });
      };
      return { ...pool.against({ host }, () => checkEqual(pool.ran, [1, 2], "tasks that ran")), first: [] };
    },
  };
}

export const background = first("background");
export const blocking = first("user-blocking");

export const child: Scenario = {
  name: "priorities: a task computes until its child in the background has run",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2);
    return pool.against({ host: () => void pool.submit(hasChild("background")) });
  },
};

/** Two are in the background of a host with four slots: the third waits, and the one that is not has a slot. */
export const slots: Scenario = {
  name: "priorities: a backlog in the background leaves slots to others",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL]);
    return pool.against({
      host() {
        for (const n of [1, 2, 3]) pool.submit(note(n), { priority: "background" });
        checkEqual(pool.host.waiting(), 1, "tasks that wait for a slot");
        const { slot } = pool.submit(note(4), { priority: "user-blocking" });
        checkEqual(slot >= 0, true, "it has one");
        pool.readMailUntil(() => pool.ran.length === 4);
      },
    }, () => checkEqual(pool.ran, [1, 2, 3, 4], "tasks that ran"));
  },
};

/** It is written anew into another slot while an M may take it out of its queue. */
export const moved: Scenario = {
  name: "priorities: a task whose priority changes, and an M that takes it",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL]);
    const outcomes: unknown[] = [];
    return pool.against({
      host() {
        const call = note(1);
        const task = pool.submit(call, { priority: "background" });
        pool.host.setPriority(task, call.args, USER_BLOCKING);
        const other = pool.submit(note(2));
        pool.readMailUntil(() => task.hasSettled && other.hasSettled);
        // What was left in the old queue has been dropped, too.
        for (let slot = 0; slot < 4; slot++) pool.readMailUntil(() => pool.gs.status(slot) === G_FREE);
        outcomes.push(task.outcome, other.outcome);
      },
    }, () => {
      checkEqual(outcomes, ["done", "done"], "what became of them");
      checkEqual(pool.ran, [1, 2], "what ran");
    });
  },
};
