/** Blocking calls: their end against sysmon, which takes the P, and against others who hand theirs on. */
import { pause } from "../../../scheduler/arena/atomics.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { EXEMPT_P } from "../../../scheduler/parking/idle.ts";
import { holder } from "../../../scheduler/parking/processor.ts";
import { POOL, type Role, SPARE } from "../../../scheduler/parking/roles.ts";
import type { BlockingOptions, TaskContext } from "../../../scheduler/tasks/context.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, type Scenario, type Setting } from "../scenario.ts";
import { computeUntilSet, meta, Pool, sets } from "./machines.ts";

let pool: Pool;
const ended: number[] = [];

/** Who goes on after a call holds a P, alone. */
function checkHoldsP(ctx: TaskContext): void {
  const { hold: { isolate, p } } = pool.machineOf(ctx);
  check(p >= 0 && p < EXEMPT_P, `a task goes on with the P ${p}`);
  checkEqual(holder(pool.idle.ps.word(p)), isolate, `the M that has P ${p}`);
}

/** A call that is over when the other one has run. */
const waits = task(meta, "waits", (ctx: TaskContext, options: BlockingOptions | undefined) => {
  ctx.blocking(() => {
    computeUntilSet();
  }, options);
  checkHoldsP(ctx);
  ended.push(1);
});

const calls = task(meta, "calls", (ctx: TaskContext) => {
  for (let i = 0; i < 2; i++) {
    ctx.blocking(() => {});
    checkHoldsP(ctx);
  }
  ended.push(1);
});

const handsOff = task(meta, "hands off", (ctx: TaskContext, n: number) => {
  ctx.blocking(() => {}, { handOff: true });
  checkHoldsP(ctx);
  ended.push(n);
});

function begin(procs: number, roles: readonly Role[]): void {
  ended.length = 0;
  pool = new Pool(procs, roles);
}

/** In the end so many tasks have come back from their calls. */
function against(others: Record<string, () => unknown>, ends: number[]): Setting {
  const setting = pool.against(others, () => checkEqual(ended.toSorted(), ends, "tasks that ended"));
  return { ...setting, sleepers: [...setting.sleepers!, "sysmon"] };
}

export const retake: Scenario = {
  name: "blocking: sysmon takes the P of a call that waits for another task",
  bound: 2,
  short: 1,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    begin(1, [POOL, POOL]);
    return against({
      host() {
        pool.submit(waits(undefined));
        pool.submit(sets());
      },
      sysmon: pool.sysmon(),
    }, [1]);
  },
};

export const calledFor: Scenario = {
  name: "blocking: there is no sysmon, and the host starts one when a call calls for it",
  bound: 2,
  short: 1,
  rules: { timePasses: ["host"] },
  setUp() {
    begin(1, [POOL, POOL]);
    pool.sysmonSleep.announceAbsence();
    const sysmon = pool.sysmon();
    const setting = against({
      host() {
        pool.submit(waits(undefined));
        pool.submit(sets());
        do {
          while (pool.mailbox.isEmpty(HOST)) pause();
        } while (!pool.readMail());
        check(pool.sysmonSleep.isCalledFor, "the host is told of the call");
        sysmon();
      },
    }, [1]);
    return { ...setting, sleepers: [...setting.sleepers!, "host"] };
  },
};

export const short: Scenario = {
  name: "blocking: the ends of short calls against sysmon",
  bound: 2,
  short: 1,
  rules: { timeouts: 3 },
  setUp() {
    begin(1, [POOL]);
    return against({
      host: () => void pool.submit(calls()),
      sysmon: pool.sysmon(),
    }, [1]);
  },
};

export const handingOff: Scenario = {
  name: "blocking: a call that hands its P off, to a spare",
  bound: 2,
  short: 1,
  setUp() {
    begin(1, [POOL, SPARE]);
    return against({
      host() {
        pool.submit(waits({ handOff: true }));
        pool.submit(sets());
        pool.serve(2);
      },
    }, [1]);
  },
};

export const twoBack: Scenario = {
  name: "blocking: two calls come back to one P, and a task is queued",
  bound: 2,
  short: 1,
  setUp() {
    begin(1, [POOL, POOL]);
    return against({
      host() {
        pool.submit(handsOff(1));
        pool.submit(handsOff(2));
        pool.submit(sets());
      },
    }, [1, 2]);
  },
};
