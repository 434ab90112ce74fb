/** What a task reports: its owner hears of it in its order, of the last report before the end, and of each once. */
import { load, pause } from "../../../scheduler/arena/atomics.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { G_REPORT } from "../../../scheduler/arena/layout/slot.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { REPORT } from "../../../scheduler/queues/mailbox.ts";
import { G_FREE } from "../../../scheduler/slots/g_table.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, kill, type Scenario } from "../scenario.ts";
import { meta, Pool } from "./machines.ts";
import { Mourner, survives } from "./mourners.ts";

const reports = task(meta, "reports", (ctx: TaskContext, from: number) => {
  ctx.report(from);
  ctx.report(from + 1);
  ctx.report(from + 2);
});

/** The host's mail until that slot is free: what it hears meanwhile. */
function heardUntilFree(pool: Pool, slot: number): number[] {
  const heard: number[] = [];
  while (pool.gs.status(slot) !== G_FREE) {
    while (pool.mailbox.isEmpty(HOST)) pause();
    pool.mailbox.drain(HOST, (mailed, addressee) => {
      if (addressee === REPORT) heard.push(pool.gs.takeReport(mailed)!.value as number);
      else pool.host.readMail(mailed);
    });
  }
  heard.forEach((value, i) => check(i === 0 || value > heard[i - 1], `heard ${heard}`));
  return heard;
}

export const heard: Scenario = {
  name: "reports: the last one is heard before the end",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL]);
    const lasts: unknown[] = [];
    return pool.against({
      host() {
        lasts.push(heardUntilFree(pool, pool.submit(reports(1)).slot).at(-1));
        lasts.push(heardUntilFree(pool, pool.submit(reports(11)).slot).at(-1));
      },
    }, () => checkEqual(lasts, [3, 13], "the last reports"));
  },
};

export const death: Scenario = {
  name: "reports: death of an M that reports, and others in the same slot",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    const host = new Mourner(pool);
    let last: unknown;
    return {
      arena: pool.arena,
      first: pool.sleepers,
      threads: {
        ...pool.loops,
        host() {
          const { slot } = host.submit(reports(1));
          kill("M1", () => survives(pool, 1));
          host.bury(1);
          heardUntilFree(pool, slot);
          checkEqual(load(pool.arena.i32, pool.arena.g(slot) + G_REPORT), 0, "reports of a free slot");
          last = heardUntilFree(pool, host.submit(reports(11)).slot).at(-1);
        },
      },
      sleepers: pool.sleepers,
      end() {
        checkEqual(last, 13, "the last report after the death");
        host.isAtRest(1);
      },
    };
  },
};
