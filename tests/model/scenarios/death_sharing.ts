/** A thread dies that uses what tasks share: locks that it held are poisoned, and nobody waits for it in a queue. */
import { Barrier } from "../../../scheduler/sync/barrier.ts";
import { Channel } from "../../../scheduler/sync/channel.ts";
import { ThreadDiedError } from "../../../scheduler/tasks/errors.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import type { Shareable } from "../../../scheduler/sync/handles.ts";
import type { Home } from "../../../scheduler/tasks/home.ts";
import { Arena } from "../../../scheduler/arena/arena.ts";
import { W_QUEUE } from "../../../scheduler/arena/layout/object.ts";
import { Mutex } from "../../../scheduler/sync/mutex.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { tied } from "../../../scheduler/sync/stream_bridge.ts";
import { Semaphore } from "../../../scheduler/sync/semaphore.ts";
import { check, checkEqual, kill, type Scenario } from "../scenario.ts";
import { Member } from "./isolates.ts";
import { Pool } from "./machines.ts";
import { Mourner } from "./mourners.ts";

interface Two {
  dying(): unknown;
  other(): unknown;
  sleepers?: string[];
  end(): void;
}

/** `dying` is isolate 1, which the host kills and buries at some step of it; `other` is isolate 2. */
function dyingWith(what: string, make: (all: Member[]) => Two): Scenario {
  return {
    name: `death: a thread with ${what}`,
    bound: 3,
    short: 1,
    setUp() {
      // Its own Ms do not run.
      const pool = new Pool(1, [POOL, POOL]);
      const all = [1, 2].map((n) => new Member(new Arena(pool.arena.shape, pool.arena.buffer), n));
      const host = new Mourner(pool);
      const { dying, other, sleepers, end } = make(all);
      return {
        arena: pool.arena,
        threads: {
          dying,
          other,
          host() {
            kill("dying", () => !isOwedAWake(pool, all[1]));
            host.bury(1);
          },
        },
        sleepers,
        end,
      };
    },
  };
}

/** It waits, somebody has taken it out of the queue, and not mailed it: host/README.md says what becomes of it. */
function isOwedAWake({ mailbox }: Pool, { home }: Member): boolean {
  return mailbox.isEmpty(home.number) &&
    [...home.waiting()].some(({ record }) => record !== 0 && home.words[record + W_QUEUE] === 0);
}

/** As each of them has it, after references to it have arrived. */
function shared<L extends { [HANDLE]: unknown }>(all: readonly Member[], make: (home: Home) => L): L[] {
  const first = make(all[0] as unknown as Home);
  const object = (first[HANDLE] as Shareable).share();
  const others = all.slice(1).map(({ home }) => {
    all[0].home.handles.depart(object);
    return home.handles.arrive(object) as unknown as L;
  });
  return [first, ...others];
}

function heard(error: unknown): "died" {
  if (error instanceof ThreadDiedError) return "died";
  throw error;
}

export const mutex = dyingWith("a mutex, for which another one waits", (all) => {
  const mutexes = shared(all, (home) => new Mutex(home));
  const got: unknown[] = [];
  const use = (i: number) => async () => {
    got[i] = await all[i].settled(mutexes[i].lock().catch(heard));
    if (got[i] !== "died") mutexes[i].unlock();
  };
  return {
    dying: use(0),
    other: use(1),
    end() {
      check(got[1] !== undefined, "the other one has it, or hears of the death");
      let isFree = false;
      try {
        isFree = mutexes[1].tryLock() !== undefined;
      } catch (error) {
        isFree = heard(error) === "died";
      }
      check(isFree, "who comes later gets it, or hears of the death");
    },
  };
});

export const permits = dyingWith("a wish for two permits, before a wish for one", (all) => {
  const semaphores = shared(all, (home) => new Semaphore(home, 2));
  // Held to the end, so the dying one never gets what it wants.
  semaphores[1].tryAcquire(1);
  let got: unknown;
  return {
    dying: () => all[0].settled(semaphores[0].acquire(2)),
    async other() {
      got = await all[1].settled(semaphores[1].acquire(1));
    },
    end: () => checkEqual([got !== undefined, semaphores[1].available], [true, 0], "the other one has it"),
  };
});

export const channel = dyingWith("a receive from a channel, to which another one sends", (all) => {
  const channels = shared(all, (home) => new Channel<number>(home, 1));
  let sent = 0;
  return {
    async dying() {
      await all[0].settled(channels[0].recv());
      await all[0].settled(channels[0].recv());
    },
    other() {
      for (const value of [1, 2]) {
        if (channels[1].trySend(value)) sent = value;
      }
    },
    end() {
      // No dead receiver is in its queue.
      const isEmpty = channels[1].length === 0;
      checkEqual(channels[1].trySend(3), isEmpty, "there is room if nothing is left");
      checkEqual(channels[1].tryRecv(), { value: isEmpty ? 3 : sent, done: false }, "the last value");
    },
  };
});

export const sender = dyingWith("a send to a channel, which another one receives", (all) => {
  const channels = shared(all, (home) => new Channel<number>(home));
  const got: number[] = [];
  return {
    async dying() {
      await all[0].settled(channels[0].send(1));
      await all[0].settled(channels[0].send(2));
    },
    async other() {
      got.push(await all[1].settled(channels[1].recv()));
      got.push(await all[1].settled(channels[1].recv()));
    },
    // There may be nothing to receive any more.
    sleepers: ["other"],
    end() {
      checkEqual(got, [1, 2].slice(0, got.length), "what was received");
      checkEqual(channels[1].tryRecv(), undefined, "what dead senders left");
    },
  };
});

export const bridge = dyingWith("one end of a stream, whose other end reads", (all) => {
  const ends = shared(all, () => tied<number>(all[0].home, 1));
  const got: number[] = [];
  return {
    async dying() {
      for (const value of [1, 2, 3]) await all[0].settled(ends[0].send(value));
    },
    async other() {
      for (;;) {
        const received = await all[1].settled(ends[1].recvOrDone());
        if (received.done) return;
        got.push(received.value);
      }
    },
    end: () => checkEqual(got, [1, 2, 3].slice(0, got.length), "what was read until the death was told"),
  };
});

export const barrier = dyingWith("a place in a barrier, where another one waits", (all) => {
  // The third one does not come.
  const barriers = shared(all, (home) => new Barrier(home, 3));
  let isThere = false;
  let hasHeard = false;
  return {
    dying() {
      const waits = barriers[0].wait();
      isThere = true;
      return all[0].settled(waits);
    },
    async other() {
      hasHeard = await all[1].settled(barriers[1].wait().catch(heard)) === "died";
    },
    // For ever, if the other one died before it came.
    sleepers: ["other"],
    end: () => check(hasHeard || !isThere, "who waits with a dead one hears of it"),
  };
});
