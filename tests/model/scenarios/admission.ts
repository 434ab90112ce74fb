/** The host waits for room in the queue, and no task ends. */
import { pause } from "../../../scheduler/arena/atomics.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { Admission } from "../../../scheduler/host/admission.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { Channel } from "../../../scheduler/sync/channel.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { checkEqual, type Scenario } from "../scenario.ts";
import { meta, Pool } from "./machines.ts";

const parks = task(meta, "parks", (ctx: TaskContext) => new Channel(ctx).recv());

export const room: Scenario = {
  name: "admission: who waits for room hears of it from an M that finds none to run",
  bound: 2,
  short: 1,
  setUp() {
    const pool = new Pool(1, [POOL, POOL]);
    const admission = new Admission(pool, pool.host, Infinity);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(parks());
          pool.submit(parks());
          admission.ready();
          while (admission.isAwaited) {
            while (pool.mailbox.isEmpty(HOST)) pause();
            pool.readMail();
            admission.look();
          }
        },
      },
      first: pool.sleepers,
      sleepers: pool.sleepers,
      end: () => checkEqual(admission.queued, 0, "tasks that wait for a thread"),
    };
  },
};
