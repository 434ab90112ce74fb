/** Ms that park while work is submitted: the idle word, the spinning Ms, the sleep words. */
import type { Scenario } from "../scenario.ts";
import { checkEqual } from "../scenario.ts";
import { computes, note, Pool, sets } from "./machines.ts";

export const parkOne: Scenario = {
  name: "park: one M, two tasks",
  bound: 3,
  short: 2,
  setUp() {
    const pool = new Pool(1, [2]);
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
        checkEqual(pool.ran, [1, 2], "tasks that ran");
        pool.isAtRest();
      },
    };
  },
};

export const parkTwo: Scenario = {
  name: "park: two Ms, two tasks",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2);
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
        checkEqual(pool.ran, [1, 2], "tasks that ran");
        pool.isAtRest();
      },
    };
  },
};

export const conserving: Scenario = {
  name: "spin: a task computes until another one has run",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2);
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(computes());
          pool.submit(sets());
        },
      },
      sleepers: pool.sleepers,
      end: () => pool.isAtRest(),
    };
  },
};
