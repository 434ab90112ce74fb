/** Threads in the hands of a task: locked and dedicated ones, from the start or in the middle, against mail. */
import { RECEIVE } from "../../../scheduler/sync/channel_life.ts";
import { AWAKE, SPARE_FUTEX } from "../../../scheduler/parking/sleep_word.ts";
import { DEDICATED, POOL, SPARE } from "../../../scheduler/parking/roles.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { HostChannel } from "./isolates.ts";
import { dedicates, meta, note, Pool } from "./machines.ts";

let pool: Pool;
let channel: HostChannel;
const heard: unknown[] = [];

const hears = task(meta, "hears", async (ctx: TaskContext, how: string) => {
  if (how === "dedicated") ctx.dedicate();
  if (how === "locked") ctx.lockOSThread();
  heard.push(await channel.of(ctx).receive(RECEIVE));
  if (how === "dedicated") ctx.undedicate();
  if (how === "locked") ctx.unlockOSThread();
  note.fn(ctx, 1);
});

export const inTheMiddle: Scenario = {
  name: "dedicate and undedicate against other tasks",
  bound: 2,
  short: 1,
  setUp() {
    pool = new Pool(1, [POOL, POOL]);
    return pool.against({
      host() {
        pool.submit(dedicates());
        pool.submit(note(3));
      },
    }, () => {
      checkEqual(pool.ran, [1, 2, 3], "what ran");
      checkEqual([1, 2].map((isolate) => pool.roles.of(isolate)), [POOL, POOL], "roles");
    });
  },
};

function owner(how: "dedicated" | "locked", bound: number, procs: number): Scenario {
  return {
    name: `${how}: mail for its task, and others' work, with ${procs} ${procs === 1 ? "P" : "Ps"}`,
    bound,
    short: 1,
    setUp() {
      // Without the owner as many are left as there are Ps.
      pool = new Pool(procs, new Array(procs + 1).fill(POOL));
      channel = new HostChannel(pool.arena);
      heard.length = 0;
      pool.submit(hears(how));
      return pool.against({
        host() {
          pool.submit(note(2));
          check(channel.trySend(7), "there is room");
        },
      }, () => {
        checkEqual(heard, [7], "what the task received");
        checkEqual(pool.ran.toSorted(), [1, 2], "what ran");
      });
    },
  };
}

export const dedicated = owner("dedicated", 2, 1);
export const locked = owner("locked", 2, 1);
/** It looks for its mail before it sleeps. */
export const lockedBeside = owner("locked", 1, 2);

export const fromTheStart: Scenario = {
  name: "dedicate: a spare for one task, by mail, against a claim for the pool",
  bound: 3,
  short: 2,
  setUp() {
    pool = new Pool(1, [SPARE]);
    let isClaimed = false;
    let isPool = false;
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          isClaimed = pool.roles.claim(1, DEDICATED);
          if (!isClaimed) return;
          pool.submitOn(1, noted());
        },
        other() {
          isPool = pool.roles.claim(1, POOL);
          if (!isPool) return;
          pool.parker.unpark(1, SPARE_FUTEX, AWAKE);
          pool.submit(note(2));
        },
      },
      sleepers: pool.sleepers,
      end() {
        check(isClaimed !== isPool, "one of two claims succeeds");
        checkEqual(pool.ran, isClaimed ? [1] : [2], "what ran");
      },
    };
  },
};

const noted = task(meta, "noted", (ctx: TaskContext) => note.fn(ctx, 1));
