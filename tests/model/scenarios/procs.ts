/** Changes of procs, and threads that end or join while work is submitted. */
import { POOL } from "../../../scheduler/parking/roles.ts";
import { checkEqual, type Scenario } from "../scenario.ts";
import { note, Pool } from "./machines.ts";

export const lower: Scenario = {
  name: "procs: lowered and raised while tasks run",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2, [POOL, POOL]);
    const set = (procs: number) => {
      pool.wakeups.setProcs(procs);
      pool.signalAll();
    };
    return pool.against({
      host() {
        pool.submit(note(1));
        pool.submit(note(2));
        set(1);
        set(2);
      },
    }, () => checkEqual(pool.ran, [1, 2], "what ran"));
  },
};

export const settle: Scenario = {
  name: "procs: settling against release and acquire",
  bound: 4,
  short: 2,
  setUp() {
    const { arena, idle } = new Pool(2, [POOL, POOL]);
    const hold = () => {
      const p = idle.acquireP();
      if (p >= 0) idle.releaseP(p);
    };
    return {
      arena,
      threads: {
        host() {
          idle.setProcs(1);
          idle.setProcs(2);
        },
        one: hold,
        two: hold,
      },
      end() {
        checkEqual(idle.idlePs, 2, "idle Ps");
        checkEqual([idle.acquireP(), idle.acquireP()].toSorted(), [0, 1], "Ps to be had");
      },
    };
  },
};

export const retire: Scenario = {
  name: "retire: a thread more than the pool needs ends, against a submit",
  bound: 1,
  short: 0,
  rules: { timeouts: 2 },
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(note(1));
          pool.submit(note(2));
        },
      },
      sleepers: pool.sleepers,
      end() {
        // Two that end at once may be one too many. The host hears that threads have ended, and starts another one.
        pool.readMail();
        if (pool.roles.available === 0 && pool.wakeups.workVisible()) return;
        checkEqual(pool.ran, [1, 2], "what ran");
        pool.isAtRest();
      },
    };
  },
};
