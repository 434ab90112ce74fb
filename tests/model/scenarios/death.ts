/** A thread dies at any step at which the books balance, and the host buries it while others go on. */
import { pause } from "../../../scheduler/arena/atomics.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { G_RUNNING } from "../../../scheduler/slots/g_table.ts";
import { HOST } from "../../../scheduler/arena/memory_layout.ts";
import { isFrozen, isGiven, isLost, SHELVED } from "../../../scheduler/parking/sleep_word.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, isAsleep, kill, type Scenario } from "../scenario.ts";
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
const dozes = task(meta, "dozes until it is cancelled", async (ctx: TaskContext, n: number) => {
  await ctx.wait(new Promise(() => {})).catch(() => {});
  note.fn(ctx, n);
});

export const mailed: Scenario = {
  name: "death: an M that a cancellation is mailed to, and another one in the same slot",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    const host = new Mourner(pool);
    let last = -1;
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          const first = host.submit(dozes(1));
          while (pool.gs.status(first.slot) !== G_RUNNING) pause();
          first.cancel(undefined);
          kill("M1", () => survives(pool, 1));
          host.bury(1);
          host.settle();
          const second = host.submit(dozes(2));
          last = second.slot;
          while (pool.gs.status(last) !== G_RUNNING) pause();
          second.cancel(undefined);
          host.settle();
        },
      },
      sleepers: pool.sleepers,
      end() {
        checkEqual(last, 0, "the slot is used again");
        checkRan(host);
        check(pool.ran.includes(2), "the task after the death hears that it is cancelled");
        host.isAtRest(1);
      },
    };
  },
};

/** A parent that goes on whatever becomes of its children. */
const outlives = task(meta, "outlives its children", async (ctx: TaskContext, n: number) => {
  const ended: number[] = [];
  const children = [11, 12].map((child) => ctx.go(note(child)));
  for (const child of children) {
    try {
      await child;
      ended.push(1);
    } catch {
      ended.push(0);
    }
  }
  endings.push(ended);
  note.fn(ctx, n);
});

const endings: number[][] = [];

export const family: Scenario = {
  name: "death: an M with children elsewhere, or with those of another one",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2, [POOL, POOL]);
    const host = new Mourner(pool);
    endings.length = 0;
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          host.submit(outlives(1));
          kill("M1", () => survives(pool, 1));
          host.bury(1);
          host.settle();
          host.submit(note(2));
          host.settle();
        },
      },
      sleepers: pool.sleepers,
      end() {
        checkRan(host);
        const [parent, later] = host.outcomes;
        check(parent === "failed" || endings.length === 1, `the parent is ${parent}`);
        checkEqual(later, "done", "a task after the death");
        for (const n of [11, 12]) {
          const count = pool.ran.filter((one) => one === n).length;
          check(count <= 1, `child ${n} ran ${count} times`);
          if (parent === "done" && endings[0][n - 11] === 1) checkEqual(count, 1, `runs of child ${n}`);
        }
        host.isAtRest(1);
      },
    };
  },
};

export const given: Scenario = {
  name: "death: an M that sleeps and is being given a P",
  bound: 3,
  short: 2,
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    const host = new Mourner(pool);
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          kill("M1", () => isAsleep("M1"));
          host.bury(1);
        },
        other: () => void host.submit(note(1)),
      },
      sleepers: pool.sleepers,
      end() {
        pool.readMail();
        checkRan(host);
        host.isAtRest(1);
      },
    };
  },
};

export const abandoned: Scenario = {
  name: "death: an M that is frozen is abandoned while a P is offered to it",
  bound: 4,
  short: 2,
  setUp() {
    const pool = new Pool(1, [POOL]);
    const host = new Mourner(pool);
    const { parker, idle, wakeups } = pool;
    parker.announce(1, SHELVED as never);
    const p = idle.acquireP();
    let goesOn = false;
    return {
      arena: pool.arena,
      threads: {
        // As the handler of native/preempt.c.
        M1() {
          for (;;) {
            const state = parker.state(1);
            if (!isFrozen(state)) break;
            parker.sleep(1, state as never, Infinity);
          }
          goesOn = true;
        },
        giver() {
          if (!wakeups.handOff(1, p)) idle.releaseP(p);
        },
        sysmon() {
          if (parker.abandon(1)) wakeups.signal(HOST);
        },
        host() {
          while (pool.mailbox.isEmpty(HOST) && !isGiven(parker.state(1))) pause();
          if (isLost(parker.state(1))) host.bury(1);
        },
      },
      sleepers: ["M1"],
      end() {
        if (goesOn) return checkEqual(idle.ps.word(p), 2 | 1 << 2, "the P is its own");
        check(isLost(parker.state(1)), "it was given up, and stays where it is");
        host.isAtRest(1);
      },
    };
  },
};
