/** Threads in the hands of a task: locked and dedicated ones, from the start or in the middle, against stop and mail. */
import { RECEIVE } from "../../../scheduler/channel_life.ts";
import { CHANNEL } from "../../../scheduler/handles.ts";
import type { HasIsolate } from "../../../scheduler/home.ts";
import { HOME } from "../../../scheduler/isolate.ts";
import { C_CAPACITY, CELL_WORDS, CLOSING, HOST } from "../../../scheduler/memory_layout.ts";
import { store } from "../../../scheduler/atomics.ts";
import { DEDICATED, POOL, SPARE } from "../../../scheduler/roles.ts";
import { SharedChannel } from "../../../scheduler/shared_channel.ts";
import type { TaskContext } from "../../../scheduler/context.ts";
import { task } from "../../../scheduler/task.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { Member } from "./isolates.ts";
import { meta, note, Pool } from "./machines.ts";

let pool: Pool;
let object = 0;
const heard: unknown[] = [];

function hear(ctx: TaskContext): Promise<unknown> {
  const { [HOME]: home } = ctx as unknown as HasIsolate;
  return new SharedChannel(home, object, ctx).receive(RECEIVE);
}

const dedicates = task(meta, "dedicates", (ctx: TaskContext) => {
  ctx.dedicate();
  note.fn(ctx, 1);
  ctx.undedicate();
  note.fn(ctx, 2);
});

const hears = task(meta, "hears", async (ctx: TaskContext, how: string) => {
  if (how === "dedicated") ctx.dedicate();
  if (how === "locked") ctx.lockOSThread();
  heard.push(await hear(ctx));
  if (how === "dedicated") ctx.undedicate();
  if (how === "locked") ctx.unlockOSThread();
  note.fn(ctx, 1);
});

function channel(): SharedChannel {
  heard.length = 0;
  const host = new Member(pool.arena, HOST);
  object = host.home.handles.create(CHANNEL, CELL_WORDS);
  host.home.words[object + C_CAPACITY] = 1;
  return new SharedChannel(host.home, object, host);
}

export const inTheMiddle: Scenario = {
  name: "dedicate and undedicate against other tasks",
  bound: 2,
  short: 1,
  setUp() {
    pool = new Pool(1, [POOL, POOL]);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(dedicates());
          pool.submit(note(3));
        },
      },
      first: pool.sleepers,
      sleepers: pool.sleepers,
      end() {
        checkEqual(pool.ran, [1, 2, 3], "what ran");
        checkEqual([1, 2].map((isolate) => pool.idle.roles.of(isolate)), [POOL, POOL], "roles");
        pool.isAtRest();
      },
    };
  },
};

function owner(how: "dedicated" | "locked", bound: number): Scenario {
  return {
    name: `${how}: mail for its task, and others' work`,
    bound,
    short: 1,
    setUp() {
      pool = new Pool(1, [POOL, POOL]);
      const to = channel();
      pool.submit(hears(how));
      return {
        arena: pool.arena,
        threads: {
          ...pool.loops,
          host() {
            pool.submit(note(2));
            check(to.trySend(7), "there is room");
          },
        },
        first: pool.sleepers,
        sleepers: pool.sleepers,
        end() {
          checkEqual(heard, [7], "what the task received");
          checkEqual(pool.ran, [1, 2], "what ran");
          pool.isAtRest();
        },
      };
    },
  };
}

export const dedicated = owner("dedicated", 2);
export const locked = owner("locked", 2);

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
          isClaimed = pool.idle.roles.claim(1, DEDICATED);
          if (!isClaimed) return;
          const slot = pool.write(optioned(), 1);
          pool.idle.mailRunner(1, slot);
        },
        other() {
          isPool = pool.idle.roles.claim(1, POOL);
          if (!isPool) return;
          pool.parker.unpark(1, 6, 0);
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
const optioned = () =>
  ({ ...noted(), definition: noted().definition, args: [{}, []] }) as ReturnType<typeof noted>;

export const stop: Scenario = {
  name: "close: a task that dedicates its thread, a task in a queue, and stop",
  bound: 2,
  short: 1,
  setUp() {
    pool = new Pool(1, [POOL, POOL]);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(dedicates());
          pool.submit(note(3));
          store(pool.arena.i32, CLOSING, 1);
          for (const isolate of [1, 2]) pool.idle.signal(isolate);
        },
      },
      first: pool.sleepers,
      end() {},
    };
  },
};
