/** Ms that park while work is submitted: the idle word, the spinning Ms, the sleep words. */
import { POOL } from "../../../scheduler/parking/roles.ts";
import { checkEqual, type Scenario } from "../scenario.ts";
import { computes, note, Pool, sets } from "./machines.ts";

function twoTasks(name: string, ms: number, bound: number): Scenario {
  return {
    name,
    bound,
    short: bound - 1,
    setUp() {
      const pool = new Pool(ms, new Array(ms).fill(POOL));
      const host = () => {
        pool.submit(note(1));
        pool.submit(note(2));
      };
      // They park meanwhile.
      return { ...pool.against({ host }, () => checkEqual(pool.ran, [1, 2], "tasks that ran")), first: [] };
    },
  };
}

export const parkOne = twoTasks("park: one M, two tasks", 1, 3);
export const parkTwo = twoTasks("park: two Ms, two tasks", 2, 2);

export const conserving: Scenario = {
  name: "spin: a task computes until another one has run",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(2);
    return pool.against({
      host() {
        pool.submit(computes());
        pool.submit(sets());
      },
    });
  },
};
