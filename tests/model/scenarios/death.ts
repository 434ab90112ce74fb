/** A thread dies at any step at which the books balance, and the host buries it while others go on. */
import type { TaskContext } from "../../../scheduler/context.ts";
import { POOL } from "../../../scheduler/roles.ts";
import { task } from "../../../scheduler/task.ts";
import { check, checkEqual, kill, type Scenario } from "../scenario.ts";
import { meta, note, Pool } from "./machines.ts";
import { Mourner, survives } from "./mourners.ts";

const yields = task(meta, "yields and notes", async (ctx: TaskContext, n: number) => {
  await ctx.yield();
  note.fn(ctx, n);
});

/** What ended well has run, and nothing has run twice. */
function checkRan({ pool, outcomes }: Mourner): void {
  outcomes.forEach((outcome, i) => {
    const count = pool.ran.filter((n) => n === i + 1).length;
    check(
      outcome === "done" ? count === 1 : count <= 1,
      `task ${i + 1} is ${outcome}, and ran ${count} times`,
    );
  });
}

export const running: Scenario = {
  name: "death: an M that parks, takes tasks from a queue and runs them",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    const host = new Mourner(pool);
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          host.submit(note(1));
          host.submit(yields(2));
          kill("M1", () => survives(pool, 1));
          host.bury(1);
          host.settle();
          host.submit(note(3));
          host.settle();
        },
      },
      sleepers: pool.sleepers,
      end() {
        checkRan(host);
        checkEqual(host.outcomes[2], "done", "a task after the death");
        host.isAtRest(1);
      },
    };
  },
};
